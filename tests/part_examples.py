"""Parts of a session that end in every way there is."""

import os
import time


def end_well(session, report):
    report(f"on {session.device}, {session.seconds_left > 0}")


def raise_error(session, report):
    report("begun")
    raise ValueError("a kernel must agree: got none\nadvice")


def hang(session, report):
    report("begun")
    time.sleep(60)
    report("never")


def die(session, report):
    report("begun")
    os._exit(3)
