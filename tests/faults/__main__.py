"""The long trials: `python -m tests.faults soak`, and what `--help` says."""

import sys

if __name__ == "__main__":  # the processes that are forked import this, too, and are to stay as they are
    from tests.faults import report

    sys.exit(report.main())
