"""MLflow, and what happens when it is away.

Files come first: MLflow is fed from what a run has written, so nothing is lost when a store is down. `LiveRun`
shows a training while it goes on and never stops it; `send` completes a run from its files, once; `send_all` does
so for a folder of results. A run is found again by its tag `run_key`. What is logged cannot be changed in MLflow,
so values that differ make a new run, and the old one is tagged `superseded_by`.
"""

from metalstm.tracking.live import LiveRun
from metalstm.tracking.sending import Counts, Outcome, run_folders, send, send_all, try_send
from metalstm.tracking.settings import Settings
from metalstm.tracking.store import prepare

__all__ = ["Counts", "LiveRun", "Outcome", "Settings", "prepare", "run_folders", "send", "send_all", "try_send"]
