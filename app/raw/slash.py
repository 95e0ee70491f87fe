"""The address of a folder, for who asks for it without the slash at its end."""

from urllib.parse import quote

from falcon import HTTP_301, Request, Response


def add_slash(req: Request, resp: Response) -> None:
    """Answer with the address of a folder: links in a listing are relative to it."""
    resp.status = HTTP_301
    query = f"?{req.query_string}" if req.query_string else ""
    resp.set_header("Location", f"{quote(req.path)}/{query}")
