from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rag', '0008_spending'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='detour',
            field=models.TextField(blank=True, default='', help_text='Who was to answer and could not, and why.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='message',
            name='complexity',
            field=models.FloatField(blank=True, help_text='0…1, where that decided who answers.', null=True),
        ),
    ]
