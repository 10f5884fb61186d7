"""Every metric there is: name, kind, labels, help. `app list metrics` prints this file."""

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

REGISTRY = CollectorRegistry(auto_describe=True)
# The library's name for the folder in which processes that answer for one another keep their
# numbers; whoever starts them sets it. Numbers are then in files, and any process can tell all.
TOGETHER = "PROMETHEUS_MULTIPROC_DIR"

# Seconds; the promises are in single milliseconds, so the low end is fine.
_FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    # Of several processes each is told, with its `pid`, while it lives: not all can be added up.
    return Gauge(name, text, labels, registry=REGISTRY, multiprocess_mode="liveall")


class ManyHistogram(Histogram):
    """A histogram that takes what was counted elsewhere."""

    def observe_many(self, amount: float, times: int) -> None:
        """Takes as many observations of the same amount."""
        self._sum.inc(amount * times)
        for bound, bucket in zip(self._upper_bounds, self._buckets, strict=True):
            if amount <= bound:
                bucket.inc(times)
                break


def _histogram(name: str, text: str, *labels: str) -> ManyHistogram:
    return ManyHistogram(name, text, labels, registry=REGISTRY, buckets=_FAST)


def told() -> bytes:
    """Returns every metric in Prometheus' text format; of processes that serve together, of all:
    counts added up, also those of processes that ended.
    """
    folder = os.environ.get(TOGETHER)
    if not folder:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)
    return generate_latest(together)


def forget_process(folder: str | None, pid: int) -> None:
    """Takes a process that ended out of those that are told; its counts stay."""
    if folder:
        mark_process_dead(pid, folder)


http_requests = _counter(
    "touchline_http_requests", "Requests answered.", "method", "route", "status"
)
http_seconds = _histogram("touchline_http_request_seconds", "Time to answer a request.", "route")
hot_reads = _counter(
    "touchline_hot_reads", "Requests answered before a task was made for them.", "route"
)
rate_limited = _counter("touchline_rate_limited", "Requests refused by a limit.", "tier")
rate_limit_local = _counter(
    "touchline_rate_limit_local",
    "Requests limited by one process alone because Redis was out of reach.",
)
rate_limit_questions = _counter(
    "touchline_rate_limit_questions", "Questions to Redis for tokens; a hot caller is one a second."
)
usage_rows = _counter("touchline_usage_rows", "Rows of usage written.")
usage_lost = _counter(
    "touchline_usage_lost", "Requests nobody counted: no room to wait for Postgres."
)
usage_waiting = _gauge("touchline_usage_waiting", "Rows of usage that wait to be written.")
usage_alerts = _counter(
    "touchline_usage_alerts", "Users told how much of a quota is used.", "percent"
)

revocations_known = _gauge(
    "touchline_revocations_known", "Revoked credentials this process knows of."
)
access_news_age_seconds = _gauge(
    "touchline_access_news_age_seconds",
    "Since this process last read which credentials and signing keys are revoked.",
)
auth_events = _counter(
    "touchline_auth_events", "Log-ins, refusals, changes of accounts and keys.", "kind"
)
auth_events_lost = _counter(
    "touchline_auth_events_lost", "Events that were logged, but not kept in Postgres."
)
log_in_waits = _counter(
    "touchline_log_in_waits", "Log-ins turned away after too many guesses.", "of"
)
lockout_local = _counter(
    "touchline_lockout_local", "Guesses counted in one process, Redis being out of reach."
)
mails = _counter("touchline_mails", "Mails handed to the hook, by outcome.", "kind", "outcome")
api_key_reads = _counter("touchline_api_key_reads", "Look-ups of API keys.", "outcome")

cache_reads = _counter(
    "touchline_cache_reads",
    "Look-ups in the cache: found in memory, found in Redis, known to be nothing, missed; Redis "
    "away, or off because changes are not heard of at once.",
    "kind",
    "outcome",
)
cache_bytes = _gauge("touchline_cache_bytes", "Bytes of answers kept in this process.")
cache_entries = _gauge("touchline_cache_entries", "Answers kept in this process.")
connections_refused = _counter(
    "touchline_connections_refused",
    "Connections refused: their address holds as many as it may.",
)
replica_up = _gauge("touchline_replica_up", "1 while reads may go to the replica.")
replica_lag_seconds = _gauge(
    "touchline_replica_lag_seconds", "Age of the newest state that the replica is known to have."
)
replica_reads = _counter(
    "touchline_replica_reads",
    "Reads that may go to the replica: answered by it; asked of the primary because the replica is"
    " away, may lack what was told, failed, or knew of nothing.",
    "outcome",
)
cache_evictions = _counter(
    "touchline_cache_evictions", "Answers dropped from memory to make room for others."
)

sockets_open = _gauge("touchline_sockets_open", "Sockets open now.", "protocol", "tier")
sockets_refused = _counter(
    "touchline_sockets_refused", "Sockets refused: their caller has as many as its tier allows."
)
socket_leases_unshared = _counter(
    "touchline_socket_leases_unshared",
    "Sockets counted by one process alone because Redis was out of reach.",
)
sockets_closed = _counter("touchline_sockets_closed", "Sockets closed.", "protocol", "code")
frames_sent = _counter("touchline_frames_sent", "Frames sent to sockets.", "type")
sent_bytes = _counter(
    "touchline_sent_bytes", "Bytes of frames sent to sockets, as they were written.", "protocol"
)
frames_conflated = _counter(
    "touchline_frames_conflated",
    "Frames that were merged into newer ones, for slow readers and for those who wished so.",
    "protocol",
)
commit_to_socket_seconds = _histogram(
    "touchline_commit_to_socket_seconds",
    "From a change's entry in the log to its being written to a group of sockets in step.",
    "protocol",
)
resumes = _counter(
    "touchline_resumes", "Sockets that came back with a place in the log.", "outcome"
)
slow_readers = _counter(
    "touchline_slow_readers",
    "Readers that were behind: sent the newest of each, a snapshot, or closed.",
    "outcome",
)

listener_up = _gauge("touchline_listener_up", "1 while LISTEN is in force.")
listener_reconnects = _counter("touchline_listener_reconnects", "Times LISTEN was set up again.")
hub_matches = _gauge("touchline_hub_matches", "Matches that somebody here follows.")
hub_behind = _gauge(
    "touchline_hub_behind", "1 while the log cannot be read and followers were told so."
)
hub_changes = _counter("touchline_hub_changes", "Changes read from the log.")
hub_resyncs = _counter("touchline_hub_resyncs", "Matches whose followers got a fresh snapshot.")
relay_current = _gauge(
    "touchline_relay_current", "1 while this relay has said all that was committed a moment ago."
)
relay_changes = _counter("touchline_relay_changes", "Changes this relay read and said.")
relay_messages = _counter(
    "touchline_relay_messages", "Messages of this relay to shards: published, dropped.", "outcome"
)
relay_lag_seconds = _histogram(
    "touchline_relay_lag_seconds", "From a change's entry in the log to its being queued to shards."
)
relay_heard = _counter(
    "touchline_relay_heard",
    "Messages heard from relays: in order, after a gap, unreadable.",
    "outcome",
)
hub_offered = _counter(
    "touchline_hub_offered",
    "Runs of changes of followed matches that came by a relay: taken, had already, read instead.",
    "outcome",
)
hub_lag_seconds = _histogram(
    "touchline_hub_lag_seconds", "From a change's entry in the log to its hand-over to readers."
)

polls = _counter("touchline_polls", "Polls by outcome.", "provider", "scope", "outcome")
poll_seconds = _histogram("touchline_poll_seconds", "Time of a poll, writes included.", "provider")
poll_late_seconds = _histogram(
    "touchline_poll_late_seconds", "From when a poll was due to when it began.", "provider"
)
poll_tasks = _gauge(
    "touchline_poll_tasks", "Things providers are asked, by how they are planned.", "state"
)
planner_seconds = _histogram("touchline_planner_seconds", "Time to make the plan of polls.")
quota_left = _gauge(
    "touchline_quota_left", "Requests a provider still allows.", "provider", "window"
)
demand_matches = _gauge(
    "touchline_demand_matches", "Matches that somebody follows or reads in this process."
)
observations = _counter("touchline_observations", "Observations taken in.", "provider", "sport")
quotes_saved = _counter("touchline_quotes", "Quotes taken in.", "provider")
matches_changed = _counter("touchline_matches_changed", "Scores that changed.", "sport")
provider_requests = _counter(
    "touchline_provider_requests", "Requests to providers by outcome.", "provider", "outcome"
)
provider_request_seconds = _histogram(
    "touchline_provider_request_seconds", "Time a provider takes to answer.", "provider"
)
provider_state = _gauge(
    "touchline_provider_state", "1 for the state a provider is in.", "provider", "sport", "state"
)
provider_data_age_seconds = _gauge(
    "touchline_provider_data_age_seconds",
    "Age of the newest data of matches in play, by the provider's clock.",
    "provider",
    "sport",
)
feed_up = _gauge("touchline_feed_up", "1 while this process reads a stream in force.", "provider")
feed_stale = _gauge(
    "touchline_feed_stale", "1 while a stream says that its data may be old.", "provider"
)
feed_messages = _counter("touchline_feed_messages", "Messages read from a stream.", "provider")
feed_reconnects = _counter(
    "touchline_feed_reconnects", "Times a stream broke, by why.", "provider", "reason"
)
feed_conflated = _counter(
    "touchline_feed_conflated",
    "Changes merged because a reader was slow: by the provider, or before our writer.",
    "provider",
    "by",
)
feed_held = _gauge("touchline_feed_held", "1 while this process has a stream's lock.", "provider")
feed_writes = _counter(
    "touchline_feed_writes", "Writes of what streams said, by outcome.", "provider", "outcome"
)
feed_latency_seconds = _histogram(
    "touchline_feed_latency_seconds",
    "From when a stream's message was published there to when we read it.",
    "provider",
)
feed_write_seconds = _histogram(
    "touchline_feed_write_seconds", "From a stream's message to its commit.", "provider"
)
reviews_open = _gauge(
    "touchline_identity_reviews_open", "Matches of providers that wait for somebody to decide."
)
dead_letters = _counter(
    "touchline_dead_letters", "Things that could not be taken in.", "provider", "code"
)
conflicts_opened = _counter(
    "touchline_conflicts_opened", "Times providers began to disagree.", "sport", "field"
)
conflicts_closed = _counter(
    "touchline_conflicts_closed",
    "Disagreements that ended: the others came round, we did, or they fell silent.",
    "sport",
    "field",
    "outcome",
)
conflicts_open = _gauge(
    "touchline_conflicts_open", "Disagreements of providers that are open.", "sport", "field"
)
prices_expired = _counter(
    "touchline_prices_expired", "Markets priced anew because quotes of theirs went stale."
)
matches_frozen = _gauge(
    "touchline_matches_frozen", "Matches that look frozen and are to be verified.", "sport"
)
pushes = _counter("touchline_pushes", "Bodies pushed by feeds.", "provider", "outcome")
push_seconds = _histogram(
    "touchline_push_seconds", "From a body's arrival to its commit.", "provider"
)
publications = _counter(
    "touchline_publications", "Messages heard on Redis' match channels.", "outcome"
)
archived_bytes = _counter("touchline_archived_bytes", "Bytes of answers archived.", "provider")
archive_skipped = _counter("touchline_archive_skipped", "Answers that were not archived.", "reason")
matches_identified = _counter(
    "touchline_matches_identified",
    "Matches of providers decided: same as one of ours, new, undecided.",
    "provider",
    "decision",
)
transfers = _counter("touchline_transfers", "Transfers of the ledger that were posted.", "kind")
transactions_retried = _counter(
    "touchline_transactions_retried",
    "Transactions with money that Postgres ended because of others, done again.",
    "sqlstate",
)
ledger_faults = _gauge("touchline_ledger_faults", "What the last check of the ledger found wrong.")
ledger_checks = _counter("touchline_ledger_checks", "Checks of the ledger.", "outcome")
payments = _counter("touchline_payments", "Deposits and withdrawals.", "direction", "status")
bets = _counter("touchline_bets", "Bets, by the state they came into.", "status")
bets_refused = _counter("touchline_bets_refused", "Bets that were not struck, by reason.", "code")
bet_seconds = _histogram("touchline_bet_seconds", "From a slip to its answer.", "outcome")
forecasts = _counter("touchline_forecasts", "Forecasts made.", "sport", "phase")
forecasts_failed = _counter(
    "touchline_forecasts_failed", "Matches that could not be forecast as they stood.", "code"
)
forecast_seconds = _histogram(
    "touchline_forecast_seconds", "Making one forecast, without reading and writing."
)
forecast_delay_seconds = _histogram(
    "touchline_forecast_delay_seconds",
    "From the entry of a match's log to the forecast made of it, in play.",
)
forecasts_judged = _counter(
    "touchline_forecasts_judged",
    "Matches over whose chances were served before they began.",
    "sport",
)
forecast_log_loss = _counter(
    "touchline_forecast_log_loss",
    "Log-loss of what was served before kick-off, added up over `touchline_forecasts_judged`.",
    "sport",
)
model_fits = _counter("touchline_model_fits", "Models fitted.", "model")
model_fit_seconds = _histogram("touchline_model_fit_seconds", "One fit of one league.")
settlement_seconds = _histogram(
    "touchline_settlement_seconds", "One look at the bets of one match, settled or not."
)
recordings_refused = _gauge("touchline_recordings_refused", "Recordings that do not parse.")


def catalogue() -> list[tuple[str, str, tuple[str, ...], str]]:
    """Returns (name, kind, labels, help) of every metric, by name."""
    found = [
        (m._name, str(m._type), tuple(m._labelnames), m._documentation)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        for m in globals().values()
        if isinstance(m, MetricWrapperBase)
    ]
    return sorted(found)
