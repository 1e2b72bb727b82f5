"""What open processes reach of traces forward, as a view: the portal's role reads it, and nothing of the tables behind.

A trace forward belongs to a campaign, and to the number that it traces. It is opened with the campaign, or where the
process names that very number; of the time, what was opened inside the window counts. Path data: who serves the number.
"""

from django.db import migrations

FORWARD = """
CREATE VIEW legal_scoped_forward AS
SELECT o.process_id,
       f.id AS forward_id,
       f.campaign_id,
       f.number,
       f.state,
       f.grade,
       f.outcome,
       f.opened_at,
       f.closed_at,
       p.name AS server_name,
       p.spc AS server_spc
FROM legal_open_process o
JOIN tracebacks_forwardtracing f
  ON f.opened_at >= o.granted_from AND (o.granted_to IS NULL OR f.opened_at < o.granted_to)
LEFT JOIN providers_provider p ON p.id = f.server_id
WHERE EXISTS (
    SELECT 1 FROM legal_opened_campaign s WHERE s.process_id = o.process_id AND s.campaign_id = f.campaign_id
) OR EXISTS (
    SELECT 1 FROM legal_processsubject s
    WHERE s.process_id = o.process_id AND s.granted AND s.kind = 'number' AND s.value = f.number AND s.value <> ''
);
"""

BACKWARD = "DROP VIEW legal_scoped_forward;"


class Migration(migrations.Migration):
    """Creates the view."""

    dependencies = [("legal", "0002_scoped_views"), ("tracebacks", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
