"""The endpoint client against a server on loopback that misbehaves in every way we know."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from agentsched.errors import ModelError, ModelTimeout
from agentsched.llm import Message, Price
from agentsched.llm.endpoint import EndpointModel

ASKED = (Message("system", "s"), Message("user", "u"))


class Server:
    """Answers with its script, one entry a request, the last one again and again."""

    def __init__(self, *script: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.gone = threading.Event()
        """Set when a handler has seen the client go away."""
        self.asked = threading.Event()
        steps = list(script)
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                self.body = json.loads(self.rfile.read(length))
                owner.requests.append(self.body)
                owner.keys.append(self.headers["Authorization"])
                owner.asked.set()
                step = steps.pop(0) if len(steps) > 1 else steps[0]
                step(self)

            def do_GET(self) -> None:
                send(self, 200, {"object": "list", "data": [{"id": m} for m in owner.models]})

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.models = ["only"]
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: object, **headers: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(data)


def completion(text: str = "fine", finish: str = "stop", usage: bool = True) -> dict[str, Any]:
    counted = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    message = {"role": "assistant", "content": text}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
        **({"usage": counted} if usage else {}),
    }  # fmt: skip


def answer(status: int, body: object, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, status, body, **headers)


def refuse(message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param}}


FINE = answer(200, completion())

Serve = Callable[..., Server]
Connect = Callable[..., EndpointModel]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def make(*script: Callable[[BaseHTTPRequestHandler], None]) -> Server:
        servers.append(Server(*script))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    models: list[EndpointModel] = []

    def make(url: str, **options: Any) -> EndpointModel:
        chosen = {"name": "m", "pause_seconds": 0.001, "timeout_seconds": 20.0, **options}
        models.append(EndpointModel(url, **chosen))
        return models[-1]

    yield make
    for model in models:
        model.close()


def test_a_reply_carries_text_tokens_and_cost(serve: Serve, connect: Connect) -> None:
    """100 tokens in at 2, 10 out at 30 per million: 0.0002 + 0.0003."""
    server = serve(FINE)
    model = connect(server.url, api_key="k", price=Price(2.0, 30.0))
    reply = model.chat(ASKED, max_tokens=7, temperature=0.5, seed=3)
    assert (reply.text, reply.tokens_in, reply.tokens_out) == ("fine", 100, 10)
    assert (reply.model, reply.finish) == ("m", "stop")
    assert reply.cost == pytest.approx(0.0005)
    assert server.keys == ["Bearer k"]
    assert server.requests == [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
            "max_tokens": 7,
            "temperature": 0.5,
            "seed": 3,
        }
    ]


def test_a_schema_is_sent_as_json_schema(serve: Serve, connect: Connect) -> None:
    class Shape(BaseModel):
        model_config = ConfigDict(extra="forbid")
        n: int

    server = serve(answer(200, completion('{"n": 1}')))
    reply = connect(server.url).chat(ASKED, schema=Shape, max_tokens=7)
    assert Shape.model_validate_json(reply.text).n == 1
    sent = server.requests[0]["response_format"]
    assert sent["type"] == "json_schema"
    assert sent["json_schema"]["name"] == "Shape"
    assert sent["json_schema"]["schema"]["additionalProperties"] is False


def test_a_cut_off_answer_says_so(serve: Serve, connect: Connect) -> None:
    server = serve(answer(200, completion("def ke", finish="length")))
    assert connect(server.url).chat(ASKED, max_tokens=2).finish == "length"


def test_tokens_are_guessed_when_the_server_does_not_count(serve: Serve, connect: Connect) -> None:
    reply = connect(serve(answer(200, completion(usage=False))).url).chat(ASKED, max_tokens=9)
    assert reply.tokens_in > 0
    assert reply.tokens_out > 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_passing_trouble_is_tried_again(serve: Serve, connect: Connect, status: int) -> None:
    trouble = answer(status, {"error": {"message": "busy"}}, Retry_After="0.001")
    server = serve(trouble, trouble, FINE)
    assert connect(server.url, retries=2).chat(ASKED, max_tokens=9).text == "fine"
    assert len(server.requests) == 3


def test_lasting_trouble_ends_after_the_retries(serve: Serve, connect: Connect) -> None:
    server = serve(answer(500, {"error": {"message": "out of order"}}))
    with pytest.raises(ModelError, match=r"HTTP 500: out of order after 3 attempts") as caught:
        connect(server.url, retries=2).chat(ASKED, max_tokens=9)
    assert server.url in str(caught.value)
    assert len(server.requests) == 3


def test_an_empty_account_is_not_tried_again(serve: Serve, connect: Connect) -> None:
    body = {"error": {"message": "no money", "code": "insufficient_quota"}}
    server = serve(answer(429, body))
    with pytest.raises(ModelError, match="no money"):
        connect(server.url).chat(ASKED, max_tokens=9)
    assert len(server.requests) == 1


def test_a_dead_server_is_named_with_the_way_out(serve: Serve, connect: Connect) -> None:
    server = serve(FINE)
    server.stop()
    with pytest.raises(ModelError, match=r"no connection after 2 attempts") as caught:
        connect(server.url, retries=1).chat(ASKED, max_tokens=9)
    message = str(caught.value)
    assert server.url in message
    assert "OPENAI_BASE_URL" in message
    assert "\n" not in message


def test_a_broken_connection_is_tried_again(serve: Serve, connect: Connect) -> None:
    def hang_up(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True

    server = serve(hang_up, FINE)
    assert connect(server.url).chat(ASKED, max_tokens=9).text == "fine"


def test_a_wrong_key_is_said_at_once(serve: Serve, connect: Connect) -> None:
    server = serve(answer(401, refuse("bad key")))
    with pytest.raises(ModelError, match="OPENAI_API_KEY"):
        connect(server.url).chat(ASKED, max_tokens=9)
    assert len(server.requests) == 1


def test_an_unknown_model_is_said_in_the_servers_words(serve: Serve, connect: Connect) -> None:
    server = serve(answer(404, refuse("no model 'm'")))
    with pytest.raises(ModelError, match="HTTP 404: no model 'm'"):
        connect(server.url).chat(ASKED, max_tokens=9)


@pytest.mark.parametrize(
    "body",
    [b"<html>welcome</html>", b'{"choices": [', b'"text"', b"[]", b"{}", b'{"choices": []}', b""],
)
def test_garbage_is_an_error_and_not_a_reply(serve: Serve, connect: Connect, body: bytes) -> None:
    with pytest.raises(ModelError, match="not a chat completion"):
        connect(serve(answer(200, body)).url, retries=0).chat(ASKED, max_tokens=9)


def test_a_truncated_body_is_an_error(serve: Serve, connect: Connect) -> None:
    def break_off(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"choices"')
        handler.close_connection = True

    with pytest.raises(ModelError):
        connect(serve(break_off).url, retries=0).chat(ASKED, max_tokens=9)


def drip(server: list[Server]) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send a byte now and then, so that no single wait is long; notice when the client goes."""

    def step(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        stop = threading.Event()
        try:
            for _ in range(2000):
                handler.wfile.write(b" ")
                stop.wait(0.01)
        except OSError:
            server[0].gone.set()
        handler.close_connection = True

    return step


def test_the_time_limit_holds_for_the_whole_call(serve: Serve, connect: Connect) -> None:
    """A server that drips bytes keeps every single read short; the call ends all the same."""
    holder: list[Server] = []
    holder.append(serve(drip(holder)))
    with pytest.raises(ModelTimeout, match=r"no answer within 0\.2 s"):
        connect(holder[0].url, timeout_seconds=0.2).chat(ASKED, max_tokens=9)
    assert len(holder[0].requests) == 1
    assert holder[0].gone.wait(10)


def test_closing_breaks_off_a_call_under_way(serve: Serve, connect: Connect) -> None:
    holder: list[Server] = []
    holder.append(serve(drip(holder)))
    model = connect(holder[0].url)
    errors: list[ModelError] = []

    def ask() -> None:
        try:
            model.chat(ASKED, max_tokens=9)
        except ModelError as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert holder[0].asked.wait(10)
    model.close()
    asking.join(10)
    assert [str(error) for error in errors if "broken off" in str(error)]
    assert holder[0].gone.wait(10)
    with pytest.raises(ModelError, match="closed"):
        model.chat(ASKED, max_tokens=9)


def test_options_a_server_refuses_are_left_out_from_then_on(serve: Serve, connect: Connect) -> None:
    server = serve(
        answer(400, refuse("Unsupported parameter: use max_completion_tokens", "max_tokens")),
        answer(400, refuse("temperature must be 1", "temperature")),
        FINE,
    )
    model = connect(server.url)
    assert model.chat(ASKED, max_tokens=9, temperature=0.5).text == "fine"
    assert model.chat(ASKED, max_tokens=9, temperature=0.5).text == "fine"
    for request in server.requests[2:]:
        assert request["max_completion_tokens"] == 9
        assert "max_tokens" not in request
        assert "temperature" not in request
    assert len(server.requests) == 4


def test_another_bad_request_is_an_error(serve: Serve, connect: Connect) -> None:
    server = serve(answer(400, refuse("context too long")))
    with pytest.raises(ModelError, match="HTTP 400: context too long"):
        connect(server.url).chat(ASKED, max_tokens=9)
    assert len(server.requests) == 1


def test_the_only_model_served_is_taken(serve: Serve, connect: Connect) -> None:
    server = serve(FINE)
    model = connect(server.url, name=None)
    assert model.chat(ASKED, max_tokens=9).model == "only"
    assert server.requests[0]["model"] == "only"


def test_several_models_must_be_chosen_from(serve: Serve, connect: Connect) -> None:
    server = serve(FINE)
    server.models = ["b", "a"]
    with pytest.raises(ModelError, match=r"AGENTSCHED_MODEL_NAME: a, b"):
        _ = connect(server.url, name=None).name


def test_calls_side_by_side_get_their_own_answers(serve: Serve, connect: Connect) -> None:
    everyone_is_there = threading.Barrier(4, timeout=20)

    def echo(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.body["messages"][0]["content"]  # type: ignore[attr-defined]
        everyone_is_there.wait()
        send(handler, 200, completion(asked))

    model = connect(serve(echo).url)
    texts: dict[str, str] = {}

    def ask(word: str) -> None:
        texts[word] = model.chat([Message("user", word)], max_tokens=9).text

    threads = [threading.Thread(target=ask, args=(word,)) for word in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert texts == {word: word for word in "abcd"}
