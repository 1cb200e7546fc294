import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('portfolio', '0001_initial'),
        ('rag', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='projectrag',
            name='live_revision',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='rag.revision'),
        ),
        migrations.AddField(
            model_name='projectrag',
            name='project',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='rag', to='portfolio.project'),
        ),
        migrations.AddConstraint(
            model_name='projectrag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('processing_status', 'ready'), ('progress_percentage', 100)), models.Q(models.Q(('processing_status', 'ready'), _negated=True), ('progress_percentage__lt', 100)), _connector='OR'), name='hundred_percent_is_ready'),
        ),
        migrations.AddConstraint(
            model_name='projectrag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lease_expires_at__isnull', False), ('lease_token__isnull', False), ('processing_status', 'processing')), models.Q(models.Q(('processing_status', 'processing'), _negated=True), ('lease_expires_at__isnull', True), ('lease_token__isnull', True)), _connector='OR'), name='processing_has_a_lease'),
        ),
        migrations.AddConstraint(
            model_name='projectrag',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('processing_status', 'failed'), _negated=True), models.Q(models.Q(('processing_error', ''), _negated=True), models.Q(('error_code', ''), _negated=True)), _connector='OR'), name='failed_says_why'),
        ),
    ]
