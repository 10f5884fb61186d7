"""How the providers are, for operators: one row a provider and sport."""

from collections.abc import Sequence

from app.database.engine import Connection

_ROWS = """
SELECT json_build_object(
    'provider', h.provider, 'sport', h.sport_id, 'state', h.state, 'since', wire_time(h.since),
    'priority', h.priority, 'standby', h.standby,
    'successRate', round(r.answered::numeric / nullif(r.asked, 0), 4),
    'responseMs', json_build_object('p50', r.p50, 'p95', r.p95),
    'errors', h.errors, 'failures', h.failures, 'lastError', h.last_error,
    'lastSuccessAt', wire_time(h.last_success_at), 'lastFailureAt', wire_time(h.last_failure_at),
    'dataAgeMs', CASE WHEN h.data_at IS NOT NULL
        THEN greatest(0, extract(epoch FROM now() - h.data_at) * 1000)::bigint END,
    'circuit', json_build_object('state', h.circuit, 'until', wire_time(h.circuit_until)),
    'quota', coalesce(q.quota, '[]')
)::text AS body
FROM provider_health h
CROSS JOIN LATERAL (
    SELECT count(*) AS asked, count(ms) AS answered,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) AS p50,
           percentile_disc(0.95) WITHIN GROUP (ORDER BY ms) AS p95
    FROM unnest(h.response_ms) AS ms
) r
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'window', p."window", 'limit', p."limit", 'remaining', p.remaining,
        'resetsAt', wire_time(p.resets_at)
    )) AS quota FROM provider_quotas p WHERE p.provider = h.provider
) q ON true
ORDER BY h.priority, h.provider, h.sport_id
"""


async def providers_of(connection: Connection) -> Sequence[str]:
    """Returns every provider and sport as the JSON text of `GET /api/providers/health`."""
    return [row["body"] for row in await connection.fetch(_ROWS)]
