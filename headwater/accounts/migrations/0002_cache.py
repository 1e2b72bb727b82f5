"""The tables of Django's database cache, one an application (what ``createcachetable`` would make)."""

from django.db import migrations

FORWARD = "\n".join(
    f"""
CREATE TABLE web_cache_{application} (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX web_cache_{application}_expires ON web_cache_{application} (expires);
"""
    for application in ("desk", "portal", "carrier")
)
BACKWARD = "DROP TABLE web_cache_desk; DROP TABLE web_cache_portal; DROP TABLE web_cache_carrier;"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
