"""First import of a fork server, which then ends with the run of a dashboard that started it.

It would otherwise end once torch is imported and the last worker is gone.
"""

from gqa_core.server_watch import end_with_parent, is_visitor_run

__all__: list[str] = []

if is_visitor_run():
    end_with_parent()
