"""``python -m headwater.site.migrate``: bring the tables, and what each role may do with them, to this version.

Run by ``headwater.site.database`` as the role ``headwater_admin``, which owns the tables.
"""

from headwater.site.setup import django


def main() -> None:
    """Run every migration, then the grants; both change nothing that is right already."""
    django()
    # Imported here: the rooms' models exist only once Django is set up.
    from django.core.management import call_command

    from headwater.site.grants import apply_grants

    call_command("migrate", interactive=False, verbosity=0)
    apply_grants()


if __name__ == "__main__":
    main()
