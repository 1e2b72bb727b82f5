import django.db.models.deletion
import functools
import headwater.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='UsedToken',
            fields=[
                ('id', models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='Provider',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('PR',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('spc', models.CharField(max_length=16, unique=True)),
                ('country', models.CharField(default='US', max_length=2)),
                ('frn', models.CharField(blank=True, max_length=10)),
                ('rmd_number', models.CharField(blank=True, max_length=10)),
                ('channel', models.CharField(choices=[('agent', 'By its agent, in seconds'), ('pages', 'By a person in the carrier pages')], default='pages', max_length=8)),
                ('office_time_zone', models.CharField(default='America/New_York', max_length=64)),
                ('contact_email', models.EmailField(blank=True, max_length=254)),
                ('agent_seen_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField()),
                ('organisation', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='provider', to='accounts.organisation')),
            ],
        ),
        migrations.CreateModel(
            name='ProviderKey',
            fields=[
                ('id', models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ('public_jwk', models.JSONField()),
                ('valid_from', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='providers.provider')),
            ],
        ),
        migrations.CreateModel(
            name='RegistryEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('registry', models.CharField(max_length=40)),
                ('key', models.CharField(max_length=80)),
                ('name', models.TextField(blank=True)),
                ('frn', models.CharField(blank=True, max_length=10)),
                ('ocn', models.CharField(blank=True, max_length=4)),
                ('first', models.BigIntegerField(null=True)),
                ('last', models.BigIntegerField(null=True)),
                ('detail', models.JSONField()),
                ('digest', models.UUIDField()),
                ('valid_from', models.DateTimeField()),
                ('valid_to', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [models.Index(fields=['registry', 'key', 'valid_from'], name='entry_by_key'), models.Index(condition=models.Q(('frn', ''), _negated=True), fields=['frn'], name='entry_by_frn'), models.Index(condition=models.Q(('ocn', ''), _negated=True), fields=['ocn', 'registry'], name='entry_by_ocn'), models.Index(condition=models.Q(('first__isnull', False)), fields=['first'], name='entry_by_first')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('valid_to', None)), fields=('registry', 'key'), name='one_standing_entry_a_key')],
            },
        ),
        migrations.CreateModel(
            name='RegistryLoad',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('RL',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('registry', models.CharField(max_length=40)),
                ('as_of', models.DateTimeField()),
                ('loaded_at', models.DateTimeField()),
                ('file_name', models.CharField(max_length=200)),
                ('sha256', models.CharField(max_length=64)),
                ('taken', models.BooleanField()),
                ('reason', models.TextField(blank=True)),
                ('entries', models.IntegerField(default=0)),
                ('added', models.IntegerField(default=0)),
                ('changed', models.IntegerField(default=0)),
                ('removed', models.IntegerField(default=0)),
                ('faults', models.IntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('taken', True)), fields=('registry', 'as_of'), name='one_load_a_registry_and_moment')],
            },
        ),
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('CT',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('email', models.EmailField(max_length=254)),
                ('tier', models.CharField(choices=[('first', 'Asked, and reminded before the due time'), ('escalation', 'Written to when the legal due time has passed')], max_length=10)),
                ('created_at', models.DateTimeField()),
                ('created_by', models.CharField(max_length=200)),
                ('removed_at', models.DateTimeField(null=True)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contacts', to='providers.provider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('provider', 'tier', 'email'), name='one_contact_a_tier')],
            },
        ),
    ]
