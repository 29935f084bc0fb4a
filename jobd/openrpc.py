"""The protocol described for programs: an OpenRPC 1.3 document, made from the types of the requests.

What OpenRPC has no word for is marked with a leading `x-`: the kind of a method, and the items of a stream.
"""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from jobd import __version__, wire
from jobd.core.errors import JobdError, every

OPENRPC = "1.3.2"
ABOUT = """\
One JSON object a line, over the Unix socket of the daemon. `jsonrpc` may be left out; parameters go by name; there are
no batches. A method marked x-stream sends notifications `$/item` with params {request, item} and then answers null; the
notification `$/cancel` with params {request} ends it."""

Kinds = Iterable[type[wire.Request[Any]]]
Schema = dict[str, Any]


def discover(kinds: Kinds) -> Schema:
    """Describe all methods, with their parameters, results and items, and all errors."""
    kinds = sorted(kinds, key=lambda kind: kind.method)
    told = [told for kind in kinds for told in (kind, kind.result_type())]
    schemas, records = msgspec.json.schema_components(told, ref_template="#/components/schemas/{name}")
    parameters = [records.pop(schema["$ref"].rpartition("/")[2]) for schema in schemas[::2]]
    methods = [_method(*parts) for parts in zip(kinds, parameters, schemas[1::2], strict=True)]
    return {
        "openrpc": OPENRPC,
        "info": {"title": "jobd", "version": __version__, "description": ABOUT, "license": {"name": "MIT"}},
        "methods": methods,
        "components": {"schemas": records, "errors": {error.reason(): _error(error) for error in _distinct(every())}},
        "x-protocol": wire.PROTOCOL,
        "x-limits": {"line": wire.LONGEST_LINE, "values": wire.MOST_ELEMENTS, "unanswered": wire.MOST_UNANSWERED},
    }


def kind_of(kind: type[wire.Request[Any]]) -> str:
    """Name which of the four kinds of request it is: read, mutation, action or stream."""
    four = (wire.Read, wire.Mutation, wire.Action, wire.Stream)
    return next(parent.__name__.lower() for parent in four if issubclass(kind, parent))


def _method(kind: type[wire.Request[Any]], parameters: Schema, result: Schema) -> Schema:
    summary, _, description = inspect.cleandoc(kind.__doc__ or "").partition("\n")
    described = {"description": description.strip()} if description.strip() else {}
    if is_stream := issubclass(kind, wire.Stream):
        answered = {"result": {"name": "end", "schema": {"type": "null"}}, "x-item": {"name": "item", "schema": result}}
    else:
        answered = {"result": {"name": "result", "schema": result}}
    return {
        "name": kind.method,
        "summary": summary,
        **described,
        "paramStructure": "by-name",
        "params": _parameters(parameters),
        **answered,
        "x-kind": kind_of(kind),
        "x-stream": is_stream,
    }


def _parameters(record: Schema) -> Sequence[Schema]:
    """List the parameters of a method, those that must be given first, as OpenRPC wants it."""
    required = record["required"]
    listed = [
        {"name": name, "required": name in required, "schema": schema} for name, schema in record["properties"].items()
    ]
    return sorted(listed, key=lambda parameter: not parameter["required"])


def _error(error: type[JobdError]) -> Schema:
    message = (error.__doc__ or "").partition("\n")[0]
    data = {"reason": error.reason(), "hint": error.hint_template}
    return {"code": error.code, "message": message, "data": data, "x-exit-status": error.exit_status}


def _distinct(errors: Iterable[type[JobdError]]) -> Iterable[type[JobdError]]:
    return {error.reason(): error for error in errors}.values()
