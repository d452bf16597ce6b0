"""A training as it goes on."""

from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from metalstm.plan.job import PLANS, Plan
from metalstm.tracking import entries, store
from metalstm.tracking.settings import Settings
from metalstm.training.history import TAGGING, Epoch, Terms, named


class LiveRun:
    """A training that can be watched in MLflow, epoch by epoch.

    No failure of tracking is raised here: the first one is a line on stderr, and tracking is off for the rest of
    the process. A training of the same plan that was interrupted is continued in MLflow too.
    """

    def __init__(self, plan: Plan, settings: Settings | None = None, terms: Terms = TAGGING) -> None:
        """Open the run of a training's plan in the store of the study, or of `settings`."""
        self._terms = terms
        self._settings = settings or Settings()
        self._run_id: str | None = None
        self._logged: set[int] = set()
        if settings is None:
            store.attempt("settings", self._read_settings)
        self._attempt(self._open, plan)

    def epoch(self, row: Epoch) -> None:
        """Add an epoch's loss, devel score and learning rate."""
        if self._run_id is not None and row.epoch not in self._logged:
            self._attempt(self._log, self._run_id, row)

    def close(self, status: Literal["FINISHED", "FAILED", "KILLED"] = "FINISHED") -> None:
        """Say how the training ended; scores are added later by `send`."""
        if self._run_id is not None:
            self._attempt(self._end, self._run_id, status)
            self._run_id = None

    def __enter__(self) -> Self:
        """The run itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Close the run as finished, failed or, after Ctrl-C, killed."""
        if kind is None:
            self.close()
        else:
            self.close("FAILED" if issubclass(kind, Exception) else "KILLED")

    def _attempt(self, action: Callable[..., None], *arguments: object) -> None:
        if self._settings.uri is not None:
            store.attempt(self._settings.uri, action, self._settings.uri, *arguments)

    def _read_settings(self) -> None:
        self._settings = Settings.read(PLANS.parent)

    def _open(self, uri: str, plan: Plan) -> None:
        client = store.client(uri)
        chosen = {"code": plan.code, **plan.parameters}
        group = self._settings.group(chosen["scope"])
        experiment = store.experiment(client, group)
        tags = entries.tags(chosen, chosen, group)
        for known in store.runs(client, experiment, tags["run_key"]):
            if store.is_open(known, chosen):
                self._logged = {point.step for point in client.get_metric_history(known.info.run_id, "loss")}
                client.update_run(known.info.run_id, status="RUNNING")
                self._run_id = known.info.run_id
                return
        run_id = client.create_run(experiment, store.now(), tags, run_name=tags["run_key"]).info.run_id
        store.log_plan(client, run_id, chosen)
        self._run_id = run_id

    def _log(self, uri: str, run_id: str, row: Epoch) -> None:
        store.log_points(store.client(uri), run_id, entries.curve_points([named(row, self._terms)]), store.now())
        self._logged.add(row.epoch)

    def _end(self, uri: str, run_id: str, status: str) -> None:
        store.client(uri).set_terminated(run_id, status)
