import django.db.models.deletion
import functools
import headwater.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('providers', '0001_initial'),
        ('tracebacks', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Publication',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('PL',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('week', models.CharField(max_length=8, unique=True)),
                ('made_at', models.DateTimeField()),
                ('made_by', models.CharField(max_length=200)),
                ('document', models.BinaryField()),
                ('document_sha256', models.CharField(max_length=64)),
                ('table', models.BinaryField()),
                ('signature', models.TextField()),
                ('key_id', models.CharField(max_length=64)),
                ('public_jwk', models.JSONField()),
                ('tracebacks', models.PositiveIntegerField()),
                ('providers', models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='ConductFlag',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('CF',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('not_participating', 'Does not take part in tracebacks'), ('originates_or_accepts', 'Repeatedly originates or accepts illegal robocalls'), ('point_of_entry', 'Regularly the U.S. point of entry of foreign illegal robocalls'), ('insufficient_records', 'Repeatedly fails to give sufficient records')], max_length=24)),
                ('statement', models.TextField()),
                ('part', models.PositiveIntegerField()),
                ('whole', models.PositiveIntegerField()),
                ('whole_words', models.CharField(max_length=80)),
                ('disputed', models.PositiveIntegerField(default=0)),
                ('evidence', models.JSONField()),
                ('evidence_ids', models.JSONField(default=list)),
                ('disputed_ids', models.JSONField(default=list)),
                ('rule_version', models.CharField(max_length=32)),
                ('raised_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_because', models.CharField(blank=True, max_length=200)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='conduct_flags', to='providers.provider')),
            ],
            options={
                'indexes': [models.Index(fields=['provider', '-raised_at'], name='conduct_flag_by_provider')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('provider', 'kind'), name='one_standing_flag_a_kind')],
            },
        ),
        migrations.CreateModel(
            name='RecordDispute',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('CD',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('dispute_open', 'Disputed by the provider'), ('dispute_upheld', 'Dispute upheld: set aside'), ('dispute_rejected', 'Dispute rejected, with the reason'), ('dispute_withdrawn', 'Dispute withdrawn by the provider')], default='dispute_open', max_length=20)),
                ('statement', models.TextField()),
                ('opened_at', models.DateTimeField()),
                ('opened_by', models.CharField(max_length=200)),
                ('decision', models.TextField(blank=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decided_by', models.CharField(blank=True, max_length=200)),
                ('hop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='record_disputes', to='tracebacks.hop')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='record_disputes', to='providers.provider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'dispute_open')), fields=('hop',), name='one_open_dispute_a_question')],
            },
        ),
    ]
