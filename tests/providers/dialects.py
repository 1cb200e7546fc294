"""How each provider differs from OpenAI: paths, keys, errors, streams, vectors, and what it refuses."""

import base64
import json
import re
import struct
from collections.abc import Iterator
from typing import Any, ClassVar

from tests.providers.plans import Chat, Refusal

KEY = "the-right-key-0123456789"
MODEL, EMBEDDING_MODEL = "a-model", "an-embedding-model"
Event = dict[str, Any]


class Dialect:
    """OpenAI's own. `settings` point a site at a server that speaks it."""

    name: ClassVar[str] = "openai"
    embeds: ClassVar[bool] = True
    has_keys: ClassVar[bool] = True
    root: ClassVar[str] = "/v1"  # of its base URL
    paths: ClassVar[str] = r"/v1/(chat/completions|embeddings)"
    dimensions: ClassVar[int] = 1_536
    models: ClassVar[tuple[str, str]] = (MODEL, "text-embedding-3-small")
    own: ClassVar[str] = "OPENAI"  # what its settings' names begin with

    def settings(self, url: str) -> dict[str, Any]:
        chat, embedding = self.models
        return {
            "OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": url + self.root, "OPENAI_MODEL": chat,
            "OPENAI_EMBEDDING_MODEL": embedding,
        }  # fmt: skip

    # Requests

    def refusal(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Refusal | None:
        """What the real one would say to this request, if not yes."""
        if not re.fullmatch(self.paths, path.partition("?")[0]):
            return self.wrong_path()
        if self.has_keys and self.key(headers) != KEY:
            return self.wrong_key()
        if self.model(path, body) not in self.models:
            return self.missing_model()
        return self.unknown_argument(path, body)

    def key(self, headers: dict[str, str]) -> str:
        return headers.get("authorization", "").removeprefix("Bearer ")

    def model(self, path: str, body: dict[str, Any]) -> str:
        return str(body.get("model", ""))

    def wrong_path(self) -> Refusal:
        return Refusal(404, "Invalid URL (POST)")

    def wrong_key(self) -> Refusal:
        return Refusal(401, f"Incorrect API key provided: {KEY[:6]}***. You can find your key at", "invalid_api_key")

    def missing_model(self) -> Refusal:
        return Refusal(404, "The model does not exist or you do not have access to it.", "model_not_found")

    def no_credit(self) -> Refusal:
        said = "You exceeded your current quota, please check your plan and billing details."
        return Refusal(429, said, "insufficient_quota")

    def filtered(self) -> Refusal:
        return Refusal(400, "Your request was flagged.", "content_filter")

    def unknown_argument(self, path: str, body: dict[str, Any]) -> Refusal | None:
        if "include_reasoning" in body or "reasoning_format" in body:
            return Refusal(400, "Unrecognized request argument supplied: include_reasoning")
        return None

    # Answers

    def error(self, refusal: Refusal) -> tuple[bytes, str]:
        """The body and its type."""
        kind = refusal.code or "invalid_request_error"
        said = {"message": refusal.message, "type": kind, "param": None, "code": refusal.code or None}
        return json.dumps({"error": said}).encode(), "application/json"

    def error_event(self) -> str:
        return 'data: {"error": {"message": "The server had an error", "type": "server_error"}}\n\n'

    def events(self, plan: Chat, body: dict[str, Any]) -> Iterator[Event]:
        if plan.reasoning:
            yield self.event(body, self.reasoning(plan.reasoning))
        for piece in plan.pieces:
            yield self.event(body, {"role": "assistant", "content": piece})
        if not plan.cut and not plan.hang:
            yield from self.last(plan, body)

    def reasoning(self, text: str) -> dict[str, Any]:
        return {"reasoning_content": text}

    def event(self, body: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        about = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": body.get("model", "")}
        return {**about, "choices": [choice]}

    def last(self, plan: Chat, body: dict[str, Any]) -> Iterator[Event]:
        """The reason for the end, and the usage where it is asked for."""
        yield self.event(body, {}, plan.finish)
        if plan.usage and (body.get("stream_options") or {}).get("include_usage"):
            yield {**self.event(body, {}), "choices": [], "usage": self.usage(plan.usage)}

    def usage(self, counted: tuple[int, int]) -> dict[str, int]:
        tokens_in, tokens_out = counted
        return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}

    def embeddings(self, body: dict[str, Any], vectors: list[list[float]]) -> dict[str, Any]:
        data = [
            {"object": "embedding", "index": index, "embedding": self.vector(values, body)}
            for index, values in enumerate(vectors)
        ]
        used = sum(len(str(text)) // 4 + 1 for text in body.get("input", ()))
        about = {"object": "list", "data": data, "model": body.get("model", "")}
        return about | self.embedding_usage(used)

    def vector(self, values: list[float], body: dict[str, Any]) -> str | list[float]:
        if body.get("encoding_format") != "base64":
            return values
        return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()

    def embedding_usage(self, used: int) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": used, "total_tokens": used}}

    def asked_dimensions(self, body: dict[str, Any]) -> int:
        own = 3_072 if body.get("model") == "text-embedding-3-large" else self.dimensions
        return int(body.get("dimensions", own))


class Azure(Dialect):
    """A deployment in the path, a version in the query, a header of its own, and a filter that comments."""

    name = "azure"
    paths = r"/openai/deployments/[^/]+/(chat/completions|embeddings)"
    models = ("my-chat", "my-vectors")  # the deployments
    own = "AZURE_OPENAI"

    def settings(self, url: str) -> dict[str, Any]:
        chat, embedding = self.models
        return {
            "AZURE_OPENAI_ENDPOINT": url, "AZURE_OPENAI_KEY": KEY, "AZURE_OPENAI_DEPLOYMENT": chat,
            "AZURE_OPENAI_MODEL": "gpt-4o", "AZURE_OPENAI_EMBEDDING_DEPLOYMENT": embedding,
            "AZURE_OPENAI_EMBEDDING_MODEL": "text-embedding-3-small",
        }  # fmt: skip

    def key(self, headers: dict[str, str]) -> str:
        return headers.get("api-key", "")

    def model(self, path: str, body: dict[str, Any]) -> str:
        return path.split("/")[3]

    def wrong_path(self) -> Refusal:
        return Refusal(404, "Resource not found", "404")

    def wrong_key(self) -> Refusal:
        return Refusal(401, "Access denied due to invalid subscription key or wrong API endpoint.", "401")

    def missing_model(self) -> Refusal:
        return Refusal(404, "The API deployment for this resource does not exist.", "DeploymentNotFound")

    def filtered(self) -> Refusal:
        return Refusal(400, "The response was filtered due to the prompt triggering a policy.", "content_filter")

    def unknown_argument(self, path: str, body: dict[str, Any]) -> Refusal | None:
        version = re.search(r"[?&]api-version=([^&]+)", path)
        if version is None:
            return Refusal(404, "Resource not found", "404")
        if version[1][:10] < "2024-09-01" and {"stream_options", "max_completion_tokens"} & body.keys():
            return Refusal(400, "Unrecognized request argument supplied: stream_options")
        return super().unknown_argument(path, body)

    def error(self, refusal: Refusal) -> tuple[bytes, str]:
        said: dict[str, Any] = {"code": refusal.code or str(refusal.status), "message": refusal.message}
        if refusal.code == "content_filter":
            said |= {"param": "prompt", "type": None, "status": 400}
            said["innererror"] = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}}
        return json.dumps({"error": said}).encode(), "application/json"

    def events(self, plan: Chat, body: dict[str, Any]) -> Iterator[Event]:
        safe = {"hate": {"filtered": False, "severity": "safe"}}
        prompt_filter = [{"prompt_index": 0, "content_filter_results": safe}]
        yield {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": prompt_filter}
        for event in super().events(plan, body):
            yield event
            if event["choices"]:  # what an asynchronous filter adds has no delta
                choice = {"index": 0, "finish_reason": None, "content_filter_results": safe}
                yield {"id": "", "object": "", "created": 0, "model": "", "choices": [choice], "usage": None}


class Groq(Dialect):
    """Usage in a field of its own, and no embeddings."""

    name = "groq"
    embeds = False
    root = ""
    paths = r"/openai/v1/chat/completions"
    own = "GROQ"

    def settings(self, url: str) -> dict[str, Any]:
        return {"GROQ_API_KEY": KEY, "GROQ_BASE_URL": url, "GROQ_MODEL": self.models[0]}

    def wrong_key(self) -> Refusal:
        return Refusal(401, "Invalid API Key", "invalid_api_key")

    def unknown_argument(self, path: str, body: dict[str, Any]) -> Refusal | None:
        if "stream_options" in body:
            return Refusal(400, "property 'stream_options' is unsupported")
        if "include_reasoning" in body and "gpt-oss" not in body["model"]:
            return Refusal(400, "`include_reasoning` is not supported with this model")
        return None

    def error_event(self) -> str:
        return 'event: error\ndata: {"error": {"message": "over capacity", "type": "server_error", "code": 503}}\n\n'

    def reasoning(self, text: str) -> dict[str, Any]:
        return {"reasoning": text}

    def last(self, plan: Chat, body: dict[str, Any]) -> Iterator[Event]:
        last = self.event(body, {}, plan.finish)
        yield {**last, "x_groq": {"id": "1", "usage": self.usage(plan.usage)}} if plan.usage else last


class Together(Dialect):
    """Usage with the last piece, unasked; other words for the end; vectors as plain lists, without usage."""

    name = "together"
    dimensions = 768
    models = (MODEL, EMBEDDING_MODEL)
    own = "TOGETHER"

    def settings(self, url: str) -> dict[str, Any]:
        chat, embedding = self.models
        return {
            "TOGETHER_API_KEY": KEY, "TOGETHER_BASE_URL": url + self.root, "TOGETHER_MODEL": chat,
            "TOGETHER_EMBEDDING_MODEL": embedding,
        }  # fmt: skip

    def missing_model(self) -> Refusal:
        return Refusal(404, "Unable to access model. Please visit the list of models.", "model_not_available")

    def no_credit(self) -> Refusal:
        return Refusal(402, "Credit limit exceeded, please add a payment method.", "credit_limit")

    def unknown_argument(self, path: str, body: dict[str, Any]) -> Refusal | None:
        if body.get("encoding_format", "float") != "float" or "dimensions" in body:
            return Refusal(422, "Input validation error")
        return super().unknown_argument(path, body)

    def error(self, refusal: Refusal) -> tuple[bytes, str]:
        content, content_type = super().error(refusal)
        return json.dumps({"id": "8f", **json.loads(content)}).encode(), content_type

    def last(self, plan: Chat, body: dict[str, Any]) -> Iterator[Event]:
        last = self.event(body, {"content": ""}, "eos" if plan.finish == "stop" else plan.finish)
        yield {**last, "usage": self.usage(plan.usage)} if plan.usage else last

    def vector(self, values: list[float], body: dict[str, Any]) -> list[float]:
        return values

    def embedding_usage(self, used: int) -> dict[str, Any]:
        return {}


class LMStudio(Dialect):
    """No keys, mostly errors as plain text, vectors as plain lists whatever is asked for, and nothing billed."""

    name = "lmstudio"
    has_keys = False
    dimensions = 768
    models = (MODEL, EMBEDDING_MODEL)
    own = "LMSTUDIO"

    def settings(self, url: str) -> dict[str, Any]:
        chat, embedding = self.models
        return {
            "LMSTUDIO_BASE_URL": url + self.root, "LMSTUDIO_MODEL": chat, "LMSTUDIO_EMBEDDING_MODEL": embedding,
        }  # fmt: skip

    def missing_model(self) -> Refusal:
        return Refusal(400, 'Invalid model identifier "x". Please specify a valid downloaded model (e.g., y).')

    def error(self, refusal: Refusal) -> tuple[bytes, str]:
        if refusal.code:
            return super().error(refusal)
        return refusal.message.encode(), "text/plain"

    def error_event(self) -> str:
        return 'event: error\ndata: {"error": {"message": "Model is unloaded."}}\n\n'

    def vector(self, values: list[float], body: dict[str, Any]) -> list[float]:
        return values

    def embedding_usage(self, used: int) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": 0, "total_tokens": 0}}

    def asked_dimensions(self, body: dict[str, Any]) -> int:
        return self.dimensions


class Compatible(LMStudio):
    """A server of one's own with a key: it refuses base64, and its codes are numbers."""

    name = "compatible"
    has_keys = True
    dimensions = 1_024
    own = "LLM|EMBEDDING"

    def settings(self, url: str) -> dict[str, Any]:
        chat, embedding = self.models
        base = url + self.root
        return {
            "LLM_BASE_URL": base, "LLM_API_KEY": KEY, "LLM_MODEL": chat,
            "EMBEDDING_BASE_URL": base, "EMBEDDING_API_KEY": KEY, "EMBEDDING_MODEL": embedding,
        }  # fmt: skip

    def wrong_key(self) -> Refusal:
        return Refusal(401, "Invalid API Key")

    def missing_model(self) -> Refusal:
        return Refusal(404, 'model "x" not found, try pulling it first')

    def unknown_argument(self, path: str, body: dict[str, Any]) -> Refusal | None:
        if body.get("encoding_format") == "base64":
            return Refusal(400, "base64 encoding is not currently supported")
        return super().unknown_argument(path, body)

    def error(self, refusal: Refusal) -> tuple[bytes, str]:
        said = {"message": refusal.message, "type": "api_error", "code": refusal.code or refusal.status}
        return json.dumps({"error": said}).encode(), "application/json"

    def embedding_usage(self, used: int) -> dict[str, Any]:
        return {"usage": {"prompt_tokens": used, "total_tokens": used}}


class Lenient(Dialect):
    """Takes every request, as OpenAI or as Groq would."""

    def refusal(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> None:
        return None

    def last(self, plan: Chat, body: dict[str, Any]) -> Iterator[Event]:
        as_groq = "stream_options" not in body
        yield from Groq().last(plan, body) if as_groq else super().last(plan, body)


OPENAI, AZURE, GROQ, TOGETHER, LMSTUDIO, COMPATIBLE = Dialect(), Azure(), Groq(), Together(), LMStudio(), Compatible()
ALL = (OPENAI, AZURE, GROQ, TOGETHER, LMSTUDIO, COMPATIBLE)
LENIENT = Lenient()
