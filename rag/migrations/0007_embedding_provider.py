from django.db import migrations, models

# Until now OpenAI's protocol was the only one beside what runs here.
MAKERS = {"all-MiniLM-L6-v2": "local", "all-MiniLM-L6-v2-int8": "local", "fake": "fake"}


def fill(apps, schema_editor):
    revisions = apps.get_model("rag", "Revision").objects
    for model, provider in MAKERS.items():
        revisions.filter(embedding_model=model).update(embedding_provider=provider)
    revisions.filter(embedding_provider="").update(embedding_provider="openai")


class Migration(migrations.Migration):

    dependencies = [
        ('rag', '0006_search_index_goes_with_its_project'),
    ]

    operations = [
        migrations.AddField(
            model_name='revision',
            name='embedding_provider',
            field=models.CharField(default='', help_text='Who made its vectors, and embeds its questions.', max_length=40),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
