import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import functools
import headwater.identifiers
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('campaigns', '0001_initial'),
        ('providers', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Hop',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('Q',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('index', models.PositiveSmallIntegerField()),
                ('kind', models.CharField(choices=[('walk', 'Named by the provider downstream of it'), ('bridge', 'Asked whether it handed the call to a provider that does not lead on'), ('gap', 'Asked whether it carried the call, beyond several that do not lead on'), ('check', 'Asked once more whom it names'), ('attested', 'Signed the call; to be confirmed by the walk')], default='walk', max_length=10)),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('role', models.CharField(blank=True, choices=[('', 'Not known yet'), ('terminating', 'Terminating'), ('intermediate', 'Intermediate'), ('gateway', 'Gateway (U.S. point of entry)'), ('originating', 'Originating')], default='', max_length=12)),
                ('state', models.CharField(choices=[('notified', 'Notified'), ('viewed', 'Viewed'), ('answered', 'Answered'), ('needs_info', 'Needs information'), ('disputed', 'Disputed'), ('overdue', 'Overdue'), ('answered_late', 'Answered late'), ('non_responsive', 'Non-responsive')], default='notified', max_length=16)),
                ('question', models.JSONField()),
                ('asked_at', models.DateTimeField()),
                ('viewed_at', models.DateTimeField(null=True)),
                ('answered_at', models.DateTimeField(null=True)),
                ('legal_due_at', models.DateTimeField()),
                ('platform_due_at', models.DateTimeField()),
                ('final_due_at', models.DateTimeField()),
                ('next_deadline_at', models.DateTimeField(db_index=True, null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('answer_code', models.CharField(blank=True, choices=[('UPSTREAM_US', 'UPSTREAM_US'), ('UPSTREAM_FOREIGN', 'UPSTREAM_FOREIGN'), ('ORIGINATED', 'ORIGINATED'), ('ORIGINATED_RESELLER', 'ORIGINATED_RESELLER'), ('RECORD_NOT_FOUND', 'RECORD_NOT_FOUND'), ('RECORD_EXPIRED', 'RECORD_EXPIRED'), ('NOT_OURS', 'NOT_OURS'), ('NEED_INFO', 'NEED_INFO'), ('DECLINED', 'DECLINED'), ('LEGIT_CLAIM', 'LEGIT_CLAIM')], max_length=24)),
                ('upstream_named', models.JSONField(default=dict)),
                ('basis', models.JSONField(default=list)),
                ('downstream', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tracebacks.hop')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hops', to='providers.provider')),
                ('upstream', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider')),
            ],
        ),
        migrations.CreateModel(
            name='Answer',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('RC',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('version', models.PositiveSmallIntegerField()),
                ('code', models.CharField(choices=[('UPSTREAM_US', 'UPSTREAM_US'), ('UPSTREAM_FOREIGN', 'UPSTREAM_FOREIGN'), ('ORIGINATED', 'ORIGINATED'), ('ORIGINATED_RESELLER', 'ORIGINATED_RESELLER'), ('RECORD_NOT_FOUND', 'RECORD_NOT_FOUND'), ('RECORD_EXPIRED', 'RECORD_EXPIRED'), ('NOT_OURS', 'NOT_OURS'), ('NEED_INFO', 'NEED_INFO'), ('DECLINED', 'DECLINED'), ('LEGIT_CLAIM', 'LEGIT_CLAIM')], max_length=24)),
                ('payload', models.JSONField()),
                ('octets', models.BinaryField()),
                ('octets_sha256', models.CharField(max_length=64)),
                ('key_id', models.CharField(blank=True, max_length=64)),
                ('deposit', models.CharField(blank=True, max_length=16)),
                ('answered_by', models.CharField(max_length=200)),
                ('received_at', models.DateTimeField()),
                ('respondent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider')),
                ('hop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='tracebacks.hop')),
            ],
        ),
        migrations.CreateModel(
            name='AnswerSheet',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('AS',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=200)),
                ('octets_sha256', models.CharField(max_length=64)),
                ('brought_at', models.DateTimeField()),
                ('brought_by', models.CharField(max_length=200)),
                ('outcomes', models.JSONField()),
                ('refused', models.BinaryField()),
                ('taken', models.PositiveIntegerField()),
                ('repeated', models.PositiveIntegerField()),
                ('rejected', models.PositiveIntegerField()),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answer_sheets', to='providers.provider')),
            ],
        ),
        migrations.CreateModel(
            name='TellingClock',
            fields=[
                ('hop', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='telling_clock', serialize=False, to='tracebacks.hop')),
                ('next_at', models.DateTimeField(db_index=True, null=True)),
                ('agent_present', models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name='Viewing',
            fields=[
                ('hop', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='viewing', serialize=False, to='tracebacks.hop')),
                ('at', models.DateTimeField()),
                ('by', models.CharField(max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name='Flag',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('late', 'Did not answer by the legal due time'), ('non_responsive', 'Did not answer at all'), ('declined', 'Declined to answer'), ('contradicted', "Its statement and its neighbour's contradict each other")], max_length=16)),
                ('detail', models.TextField(blank=True)),
                ('at', models.DateTimeField()),
                ('engine_version', models.CharField(max_length=32)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='flags', to='providers.provider')),
                ('hop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='flags', to='tracebacks.hop')),
            ],
        ),
        migrations.CreateModel(
            name='AnswerLink',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('AL',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('token_sha256', models.CharField(max_length=64, unique=True)),
                ('address', models.CharField(max_length=254)),
                ('made_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField(null=True)),
                ('used_at', models.DateTimeField(null=True)),
                ('answer', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='link', to='tracebacks.answer')),
                ('hop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answer_links', to='tracebacks.hop')),
            ],
        ),
        migrations.CreateModel(
            name='RefusedAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('octets', models.BinaryField()),
                ('octets_sha256', models.CharField(max_length=64)),
                ('key_id', models.CharField(blank=True, max_length=64)),
                ('reason', models.TextField()),
                ('sent_by', models.CharField(max_length=200)),
                ('received_at', models.DateTimeField()),
                ('hop', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='refused_answers', to='tracebacks.hop')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider')),
            ],
        ),
        migrations.CreateModel(
            name='Telling',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.CharField(choices=[('asked', 'Question put by mail and webhook'), ('target', "Reminder: the platform's target has passed"), ('before_due', 'Reminder: two business hours until the legal due time'), ('overdue', 'Escalation: the legal due time has passed'), ('desk', 'Told to the desk: two business hours overdue'), ('last', 'Escalation: two business hours until the question counts as unanswered')], max_length=12)),
                ('at', models.DateTimeField()),
                ('way', models.CharField(choices=[('mail', 'By mail with a one-time link'), ('webhook', 'By webhook'), ('desk', "On the desk's queue"), ('nobody', 'Nobody is named who could be written to'), ('passed', 'Passed over: a later message said more')], max_length=8)),
                ('address', models.CharField(blank=True, max_length=254)),
                ('message_id', models.CharField(blank=True, max_length=16)),
                ('hop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tellings', to='tracebacks.hop')),
            ],
        ),
        migrations.CreateModel(
            name='Traceback',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('TB',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('record_id', models.UUIDField(db_index=True)),
                ('calling', models.CharField(max_length=18)),
                ('called', models.CharField(max_length=18)),
                ('call_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('submitted', 'Submitted'), ('in_progress', 'In progress'), ('completed_originating', 'Completed: originating provider found'), ('ended_foreign', 'Ended at a foreign provider'), ('ended_non_responsive', 'Ended: no response'), ('ended_record_not_found', 'Ended: no record found'), ('ended_unreachable', 'Ended: the next provider cannot be asked'), ('ended_disputed', 'Ended: disputed'), ('cancelled', 'Cancelled')], default='submitted', max_length=24)),
                ('grade', models.CharField(blank=True, choices=[('', 'No outcome yet'), ('origin_confirmed', 'Origin confirmed'), ('entry_confirmed', 'Point of entry confirmed'), ('origin_stated', 'Origin by its own statement'), ('origin_named', 'Origin named by its neighbour'), ('on_net', "On-net, by the terminating provider's own statement"), ('frontier', 'Frontier')], default='', max_length=20)),
                ('outcome', models.TextField(blank=True)),
                ('opened_by', models.CharField(max_length=200)),
                ('opened_at', models.DateTimeField(db_index=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('engine_version', models.CharField(max_length=32)),
                ('campaign', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tracebacks', to='campaigns.campaign')),
                ('origin', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider')),
                ('terminating_provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider')),
            ],
        ),
        migrations.AddField(
            model_name='hop',
            name='traceback',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hops', to='tracebacks.traceback'),
        ),
        migrations.CreateModel(
            name='TracebackEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sequence', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('event', models.JSONField()),
                ('answer', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='event', to='tracebacks.answer')),
                ('traceback', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='tracebacks.traceback')),
            ],
        ),
        migrations.AddConstraint(
            model_name='answer',
            constraint=models.UniqueConstraint(fields=('hop', 'version'), name='one_answer_a_version'),
        ),
        migrations.AddConstraint(
            model_name='answer',
            constraint=models.UniqueConstraint(fields=('hop', 'octets_sha256'), name='a_retry_is_the_same_answer'),
        ),
        migrations.AddConstraint(
            model_name='refusedanswer',
            constraint=models.UniqueConstraint(fields=('provider', 'octets_sha256'), name='a_refused_answer_is_kept_once'),
        ),
        migrations.AddConstraint(
            model_name='telling',
            constraint=models.UniqueConstraint(fields=('hop', 'step', 'way', 'address'), name='one_telling_a_step_and_address'),
        ),
        migrations.AddConstraint(
            model_name='hop',
            constraint=models.UniqueConstraint(fields=('traceback', 'index', 'provider', 'attempt'), name='one_question_an_attempt'),
        ),
        migrations.AddConstraint(
            model_name='tracebackevent',
            constraint=models.UniqueConstraint(fields=('traceback', 'sequence'), name='one_event_a_step'),
        ),
        migrations.CreateModel(
            name='CarrierRoot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('minute', models.CharField(max_length=17)),
                ('root', models.CharField(max_length=64)),
                ('jws', models.TextField()),
                ('received_at', models.DateTimeField()),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='roots', to='providers.provider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('provider', 'minute'), name='one_root_a_minute')],
            },
        ),
        migrations.CreateModel(
            name='ForwardTracing',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('TF',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('number', models.CharField(max_length=18)),
                ('state', models.CharField(choices=[('submitted', 'Submitted'), ('in_progress', 'In progress'), ('completed_serving', 'Completed: serving provider found'), ('ended_foreign', 'Ended: the number is served abroad'), ('ended_not_served', 'Ended: nobody who was asked serves it'), ('ended_non_responsive', 'Ended: no response'), ('ended_unreachable', 'Ended: the next provider cannot be asked'), ('ended_disputed', 'Ended: disputed'), ('cancelled', 'Cancelled')], default='submitted', max_length=24)),
                ('grade', models.CharField(blank=True, choices=[('', 'No outcome yet'), ('server_confirmed', 'Serving provider confirmed'), ('server_stated', 'Serving provider by its own statement'), ('server_named', 'Serving provider named by others'), ('unknown', 'Serving provider not known')], default='', max_length=20)),
                ('outcome', models.TextField(blank=True)),
                ('events', models.JSONField(default=list)),
                ('opened_by', models.CharField(max_length=200)),
                ('opened_at', models.DateTimeField(db_index=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('next_due_at', models.DateTimeField(db_index=True, null=True)),
                ('engine_version', models.CharField(max_length=32)),
                ('campaign', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='forwards', to='campaigns.campaign')),
                ('server', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider')),
            ],
        ),
        migrations.CreateModel(
            name='ForwardQuestion',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('NQ',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('question', models.JSONField()),
                ('asked_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField(null=True)),
                ('seen_by', models.CharField(blank=True, max_length=200)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('told', models.JSONField(default=list)),
                ('tell_at', models.DateTimeField(db_index=True, null=True)),
                ('forward', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='questions', to='tracebacks.forwardtracing')),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='number_questions', to='providers.provider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('forward', 'provider'), name='one_question_a_number')],
            },
        ),
        migrations.CreateModel(
            name='ForwardAnswer',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('RC',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('version', models.PositiveSmallIntegerField()),
                ('code', models.CharField(choices=[('SERVES', 'SERVES'), ('RESOLD', 'RESOLD'), ('PORTED', 'PORTED'), ('ROUTED', 'ROUTED'), ('NOT_SERVED', 'NOT_SERVED'), ('NOT_IN_SERVICE', 'NOT_IN_SERVICE'), ('DECLINED', 'DECLINED')], max_length=16)),
                ('payload', models.JSONField()),
                ('octets', models.BinaryField()),
                ('octets_sha256', models.CharField(max_length=64)),
                ('key_id', models.CharField(blank=True, max_length=64)),
                ('answered_by', models.CharField(max_length=200)),
                ('received_at', models.DateTimeField()),
                ('taken_at', models.DateTimeField(db_index=True, null=True)),
                ('refused_because', models.TextField(blank=True)),
                ('question', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='tracebacks.forwardquestion')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('question', 'version'), name='one_number_answer_a_version'), models.UniqueConstraint(fields=('question', 'octets_sha256'), name='a_number_retry_is_the_same')],
            },
        ),
        migrations.CreateModel(
            name='BlindSearch',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('SR',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('far', models.BooleanField()),
                ('key', models.BinaryField()),
                ('prefix', models.BinaryField()),
                ('begin', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('asked', models.PositiveIntegerField()),
                ('opened_at', models.DateTimeField()),
                ('closes_at', models.DateTimeField(db_index=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('hop', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='searches', to='tracebacks.hop')),
                ('same_as', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tracebacks.blindsearch')),
            ],
        ),
        migrations.CreateModel(
            name='BlindHit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('carried', models.JSONField()),
                ('handed', models.JSONField()),
                ('at', models.DateTimeField()),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider')),
                ('search', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hits', to='tracebacks.blindsearch')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('search', 'provider'), name='one_hit_a_search')],
            },
        ),
        migrations.CreateModel(
            name='Deposit',
            fields=[
                ('id', models.CharField(default=functools.partial(headwater.identifiers.new_id, *('DP',), **{}), editable=False, max_length=16, primary_key=True, serialize=False)),
                ('epoch', models.CharField(max_length=16)),
                ('root', models.CharField(max_length=64)),
                ('octets', models.BinaryField()),
                ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('records', models.PositiveIntegerField()),
                ('key_id', models.CharField(max_length=64)),
                ('deposited_at', models.DateTimeField()),
                ('received_at', models.DateTimeField(db_index=True)),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deposits', to='providers.provider')),
            ],
            options={
                'indexes': [django.contrib.postgres.indexes.GinIndex(fields=['labels'], name='deposit_by_label')],
                'constraints': [models.UniqueConstraint(fields=('provider', 'root'), name='one_deposit_a_root')],
            },
        ),
        migrations.CreateModel(
            name='DepositEpoch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('epoch', models.CharField(max_length=16)),
                ('sender', models.BinaryField()),
                ('wrapped', models.BinaryField()),
                ('first_at', models.DateTimeField()),
                ('provider', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deposit_epochs', to='providers.provider')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('provider', 'epoch'), name='one_label_key_an_epoch')],
            },
        ),
        migrations.CreateModel(
            name='DutyPerson',
            fields=[
                ('person_id', models.CharField(max_length=16, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254)),
                ('since', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='DeskMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('last_telling', models.BigIntegerField()),
                ('questions', models.PositiveIntegerField()),
                ('people', models.PositiveIntegerField()),
            ],
        ),
    ]
