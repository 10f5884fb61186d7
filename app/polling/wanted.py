"""Which matches are asked for now, and how much each is wanted: SQL the planner and polls share."""

from collections.abc import Iterable

from app.polling.schedule import Phase
from app.sports.match import IN_PLAY, OVER, MatchStatus


def _listed(statuses: Iterable[MatchStatus]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))


# Names of subjects: what an interval may be set for, and what may be wanted.
OF_MATCH, OF_LEAGUE, OF_SPORT, BY_DEFAULT = "match.", "league.", "sport.", "default"

# A match's phase as `schedule.phase_of` has it; a match nobody told a score of is scheduled.
_PHASE = f"""
CASE
    WHEN s.status IN ({_listed(OVER)})
        THEN CASE WHEN s.updated_at >= now() - b.just_finished
                  THEN '{Phase.JUST_FINISHED}' ELSE '{Phase.OVER}' END
    WHEN s.status = '{MatchStatus.LIVE}' THEN '{Phase.LIVE}'
    WHEN s.status IN ({_listed(IN_PLAY)}) THEN '{Phase.BREAK}'
    WHEN s.status = '{MatchStatus.POSTPONED}' OR m.start_time < now() - b.late THEN '{Phase.OVER}'
    WHEN m.start_time <= now() + b.minutes_before THEN '{Phase.MINUTES_BEFORE}'
    ELSE '{Phase.HOURS_BEFORE}'
END
"""

# What follows WITH: `wanted_lists` (leagues whose lists are read), `standing` (every match that is
# not over or far ahead, with its phase, its watchers and how much it is wanted). `level` is 2
# watched, 1 listed, 0 nobody, as `schedule.Level`.
STANDING = f"""
alive AS MATERIALIZED (
    SELECT d.match_id, d.sport_id, d.league_slug,
           d.scores + (coalesce(d.scores_until > now(), false))::int AS scores,
           d.markets + (coalesce(d.markets_until > now(), false))::int AS markets
    FROM demand d JOIN demand_holders h ON h.holder = d.holder AND h.until > now()
), watched AS MATERIALIZED (
    SELECT match_id, sum(scores)::int AS scores, sum(markets)::int AS markets
    FROM alive WHERE match_id IS NOT NULL GROUP BY match_id
), wanted_lists AS MATERIALIZED (
    SELECT l.id AS league_id, l.sport_id, bool_or(a.scores > 0) AS scores,
           bool_or(a.markets > 0) AS markets
    FROM alive a JOIN leagues l
      ON coalesce(a.league_slug, l.slug) = l.slug AND coalesce(a.sport_id, l.sport_id) = l.sport_id
    WHERE a.match_id IS NULL GROUP BY l.id
), set_by_hand AS MATERIALIZED (
    SELECT substr(o.subject, {len(OF_MATCH) + 1})::bigint AS match_id, NULL::bigint AS league_id,
           o.interval_ms, o.subject
    FROM poll_overrides o WHERE o.subject ~ '^{OF_MATCH[:-1]}[.][0-9]{{1,18}}$'
    UNION ALL
    SELECT NULL, l.id, o.interval_ms, o.subject
    FROM poll_overrides o JOIN leagues l ON o.subject = '{OF_LEAGUE}' || l.slug
), standing AS MATERIALIZED (
    SELECT m.id, m.sport_id, m.league_id, m.start_time, {_PHASE} AS phase,
           coalesce(w.scores, 0) AS scores, coalesce(w.markets, 0) AS markets,
           CASE WHEN w.scores > 0 THEN 2 WHEN x.scores THEN 1 ELSE 0 END AS scores_level,
           CASE WHEN w.markets > 0 THEN 2 WHEN x.markets THEN 1 ELSE 0 END AS markets_level,
           coalesce(om.interval_ms, ol.interval_ms) AS override_ms,
           coalesce(om.subject, ol.subject, '') AS set_for
    FROM plan_runs b
    JOIN matches m
      ON m.start_time >= now() - b.long_ago AND m.start_time <= now() + b.hours_before
    LEFT JOIN live_scores s ON s.match_id = m.id
    LEFT JOIN watched w ON w.match_id = m.id
    LEFT JOIN wanted_lists x ON x.league_id = m.league_id
    LEFT JOIN set_by_hand om ON om.match_id = m.id
    LEFT JOIN set_by_hand ol ON ol.league_id = m.league_id
)
"""
