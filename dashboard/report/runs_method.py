"""Contents of a record, and limits of what the page Runs shows."""

METHOD = (
    "**What a record contains.** The settings, the kernel that ran, the device, the raw samples, "
    "the torch version and the commit.\n"
    "* Percentiles are computed from the samples.\n"
    "* Speed is relative to the MHA of the same run.\n"
    "* Unusable samples are faint and not compared.\n"
    "* The sample run ships with the program. It is no part of the log.\n\n"
    "**Limits.** Imported records come from their sender. Their numbers are checked against the "
    "formula and against each other, but their times cannot be checked."
)
