from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('portfolio', '0002_live_revision'),
        ('rag', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='conversation',
            name='visitor',
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name='conversation',
            constraint=models.UniqueConstraint(fields=('visitor', 'project'), name='one_conversation_a_visitor'),
        ),
    ]
