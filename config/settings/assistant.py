"""The assistants: what is read of repositories, by which models, how questions are answered, what that may cost."""

from config.settings.place import env

# Where repositories come from
RAG_ALLOWED_HOSTS = env.words("RAG_ALLOWED_HOSTS", ("github.com", "gitlab.com", "codeberg.org"))
RAG_ALLOW_LOCAL_REPOSITORIES = env.flag("RAG_ALLOW_LOCAL_REPOSITORIES", default=False)
RAG_GIT_TOKENS = env.words("RAG_GIT_TOKENS")  # host=token, …
RAG_CLONE_TIMEOUT = env.number("RAG_CLONE_TIMEOUT", 120, minimum=1)  # seconds
RAG_MAX_CLONE_BYTES = env.whole("RAG_MAX_CLONE_BYTES", 200_000_000, minimum=1)

# What is read of them
RAG_MAX_FILE_BYTES = env.whole("RAG_MAX_FILE_BYTES", 50_000, minimum=1)
RAG_MAX_FILES = env.whole("RAG_MAX_FILES", 5_000, minimum=1)
RAG_MAX_TEXT_BYTES = env.whole("RAG_MAX_TEXT_BYTES", 50_000_000, minimum=1)
RAG_MAX_CHUNKS = env.whole("RAG_MAX_CHUNKS", 20_000, minimum=1)
RAG_CHUNK_SIZE = env.whole("RAG_CHUNK_SIZE", 1_000, minimum=100)  # characters, prose and unknown text
RAG_CHUNK_OVERLAP = env.whole("RAG_CHUNK_OVERLAP", 200)
RAG_CODE_CHUNK_SIZE = env.whole("RAG_CODE_CHUNK_SIZE", 1_500, minimum=100)  # characters, at syntax boundaries

# How it is processed
RAG_BATCH_SIZE = env.whole("RAG_BATCH_SIZE", 25, minimum=1)  # chunks a provider call
RAG_DELAY = env.number_or("RAG_DELAY", 1.5, "auto")  # seconds between provider calls; auto: as its limits allow
RAG_EMBED_CONCURRENCY = env.whole("RAG_EMBED_CONCURRENCY", 8, minimum=1)  # calls at once, with RAG_DELAY=auto
RAG_TIMEOUT = env.number("RAG_TIMEOUT", 20, minimum=0.1)  # seconds a provider call
RAG_LEASE_SECONDS = env.number("RAG_LEASE_SECONDS", 60, minimum=1)  # until a silent worker is dead
RAG_MAX_MINUTES = env.number("RAG_MAX_MINUTES", 30, minimum=0.01)  # of one project, then it is queued again
RAG_REFRESH_MINUTES = env.number("RAG_REFRESH_MINUTES", 60, minimum=1)  # between looks for new commits, with --watch

# Which models. Each provider's row in rag/providers says which of these are its own.
LLM_PROVIDER = env.text("LLM_PROVIDER", "auto")  # auto, conditional (_SIMPLE, _COMPLEX), or a name of providers.CHAT
LLM_FALLBACKS = env.words("LLM_FALLBACKS", ("extractive",))  # who answers when that one cannot, in order; or none
LLM_FIRST_TOKEN_TIMEOUT = env.number("LLM_FIRST_TOKEN_TIMEOUT", 6, minimum=0.1)  # seconds, where another model is left
LLM_PROVIDER_SIMPLE, LLM_PROVIDER_COMPLEX = env.text("LLM_PROVIDER_SIMPLE"), env.text("LLM_PROVIDER_COMPLEX")
COMPLEXITY_THRESHOLD = env.number("COMPLEXITY_THRESHOLD", 0.7)  # 0…1, from there on a question is complex
QUERY_LENGTH_THRESHOLD = env.whole("QUERY_LENGTH_THRESHOLD", 100, minimum=1)  # characters; see rag/routing.py
LLM_ROLLOUT = env.words("LLM_ROLLOUT")  # name=per cent of the conversations, …
LLM_CONTEXT_TOKENS = env.whole("LLM_CONTEXT_TOKENS", 0)  # of prompt and answer; 0: as the models' names tell
LLM_TOKENS_PER_MINUTE = env.words("LLM_TOKENS_PER_MINUTE")  # name=tokens, …
EMBEDDING_PROVIDER = env.text("EMBEDDING_PROVIDER", "auto")  # auto, or a name of providers.EMBEDDING
EMBEDDING_DIMENSIONS = env.whole("EMBEDDING_DIMENSIONS", 0)  # 0: the model's own
EMBEDDING_TEXT_TOKENS = env.whole("EMBEDDING_TEXT_TOKENS", 8_192, minimum=64)  # of one text; the rest is cut off
OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_BASE_URL = env.text("OPENAI_BASE_URL")
OPENAI_EMBEDDING_MODEL = env.text("OPENAI_EMBEDDING_MODEL", "text-embedding-3-small")
OPENAI_MODEL = env.text("OPENAI_MODEL", "gpt-6-luna")
GROQ_API_KEY = env.text("GROQ_API_KEY")
GROQ_BASE_URL = env.text("GROQ_BASE_URL")
GROQ_MODEL = env.text("GROQ_MODEL", "openai/gpt-oss-120b")
AZURE_OPENAI_ENDPOINT = env.text("AZURE_OPENAI_ENDPOINT")
AZURE_OPENAI_KEY = env.text("AZURE_OPENAI_KEY")
AZURE_OPENAI_API_VERSION = env.text("AZURE_OPENAI_API_VERSION", "2024-10-21")
AZURE_OPENAI_DEPLOYMENT = env.text("AZURE_OPENAI_DEPLOYMENT")
AZURE_OPENAI_MODEL = env.text("AZURE_OPENAI_MODEL")  # which one the deployment is
AZURE_OPENAI_EMBEDDING_DEPLOYMENT = env.text("AZURE_OPENAI_EMBEDDING_DEPLOYMENT")
AZURE_OPENAI_EMBEDDING_MODEL = env.text("AZURE_OPENAI_EMBEDDING_MODEL")
TOGETHER_API_KEY = env.text("TOGETHER_API_KEY")
TOGETHER_BASE_URL = env.text("TOGETHER_BASE_URL", "https://api.together.xyz/v1")
TOGETHER_MODEL = env.text("TOGETHER_MODEL", "openai/gpt-oss-120b")
TOGETHER_EMBEDDING_MODEL = env.text("TOGETHER_EMBEDDING_MODEL")
LMSTUDIO_BASE_URL = env.text("LMSTUDIO_BASE_URL", "http://localhost:1234/v1")
LMSTUDIO_API_KEY = env.text("LMSTUDIO_API_KEY")
LMSTUDIO_MODEL = env.text("LMSTUDIO_MODEL")
LMSTUDIO_EMBEDDING_MODEL = env.text("LMSTUDIO_EMBEDDING_MODEL")
LLM_BASE_URL = env.text("LLM_BASE_URL")  # these six: any server that speaks OpenAI's protocol
LLM_API_KEY, LLM_MODEL = env.text("LLM_API_KEY"), env.text("LLM_MODEL")
EMBEDDING_BASE_URL = env.text("EMBEDDING_BASE_URL")
EMBEDDING_API_KEY, EMBEDDING_MODEL = env.text("EMBEDDING_API_KEY"), env.text("EMBEDDING_MODEL")
LOCAL_MODEL_CACHE_DIR = env.text("LOCAL_MODEL_CACHE_DIR")  # var/cache, or the user's cache folder
LOCAL_MODEL_THREADS = env.whole("LOCAL_MODEL_THREADS", 0)  # 0: one for each core that may be used
TIKTOKEN_CACHE_DIR = env.text("TIKTOKEN_CACHE_DIR")  # where the ranks for exact token counts lie, if anywhere
LLM_FAKE_DELAY = env.number("LLM_FAKE_DELAY", 0)  # seconds between the words of LLM_PROVIDER=fake

# How questions are answered
RAG_MAX_QUESTION_CHARACTERS = env.whole("RAG_MAX_QUESTION_CHARACTERS", 1_000, minimum=10)
RAG_PROMPT_TOKENS = env.whole("RAG_PROMPT_TOKENS", 6_000, minimum=500)
RAG_ANSWER_TOKENS = env.whole("RAG_ANSWER_TOKENS", 1_200, minimum=50)
RAG_ANSWER_CACHE = env.flag("RAG_ANSWER_CACHE", default=True)  # the same question has the same answer
RAG_ANSWER_AHEAD = env.flag("RAG_ANSWER_AHEAD", default=False)  # suggested questions, after a run; it costs
RAG_MAX_STREAMS = env.whole("RAG_MAX_STREAMS", 20, minimum=1)  # answers at once in one process

# What it may cost; 0 is no limit. Days are those of UTC.
RAG_PRICES = env.words("RAG_PRICES")  # provider/model=in:out, … USD for a million tokens; before the published ones
RAG_ASSUMED_PRICE = env.text("RAG_ASSUMED_PRICE", "20:100")  # of a model whose price is not known
RAG_DAILY_BUDGET_USD = env.money("RAG_DAILY_BUDGET_USD")
RAG_PROJECT_DAILY_BUDGET_USD = env.money("RAG_PROJECT_DAILY_BUDGET_USD")
RAG_VISITOR_DAILY_QUESTIONS = env.whole("RAG_VISITOR_DAILY_QUESTIONS", 0)
RAG_CONVERSATION_QUESTIONS = env.whole("RAG_CONVERSATION_QUESTIONS", 0)
RAG_CONCURRENT_QUESTIONS = env.whole("RAG_CONCURRENT_QUESTIONS", 0)  # in all processes together
RAG_CALL_DAYS = env.whole("RAG_CALL_DAYS", 90, minimum=1)  # each call is kept so long, then the sums of its day
