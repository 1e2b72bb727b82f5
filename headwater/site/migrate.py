"""``python -m headwater.site.migrate``: bring the tables, and what each role may do with them, to this version.

Run by ``headwater.site.database`` as the role ``headwater_admin``, which owns the tables.
"""

import importlib
import importlib.util

from headwater.site.setup import django


def main() -> None:
    """Run every migration, then the grants; both change nothing that is right already."""
    django()
    # Imported here: the rooms' models exist only once Django is set up.
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    if importlib.util.find_spec("headwater.site.grants"):
        importlib.import_module("headwater.site.grants").apply_grants()


if __name__ == "__main__":
    main()
