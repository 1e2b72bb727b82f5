"""The latest calls of several campaigns at once, for lists."""

import uuid
from collections.abc import Sequence

from django.db import connection


def latest_calls(ids: Sequence[str], *, each: int) -> dict[uuid.UUID, str]:
    """Return the latest calls of campaigns, record -> campaign, ``each`` of them at most. For Headwater itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT latest.record_id, wanted.id
            FROM unnest(%(ids)s::text[]) AS wanted(id)
            CROSS JOIN LATERAL (
                SELECT record_id
                FROM campaigns_campaignmember
                WHERE campaign_id = wanted.id
                ORDER BY call_at DESC
                LIMIT %(each)s
            ) latest
            """,
            {"ids": list(ids), "each": each},
        )
        return dict(cursor.fetchall())
