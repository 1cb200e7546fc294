"""What the deployment guide for Render promises by name: the command's options, the variables, the model's fields."""

GUIDE_VARIABLES = {"OPENAI_API_KEY", "GROQ_API_KEY", "RAG_BATCH_SIZE", "RAG_DELAY", "RAG_TIMEOUT"}
COMMANDS = [
    "process_rag_async --project-id=1",
    "process_rag_async",
    "process_rag_async --batch-size=25 --delay=2.0",
    "process_rag_async --batch-size=10 --delay=3.0",
    "process_rag_async --batch-size=10",
    "process_rag_async --delay=3.0",
]
STATUS = """
from portfolio.models import ProjectRAG
for rag in ProjectRAG.objects.all():
    print(f"{rag.project.title}: {rag.processing_status} ({rag.progress_percentage}%)")
"""
FAILED = """
from portfolio.models import ProjectRAG
print(ProjectRAG.objects.filter(processing_status='failed').count())
"""
