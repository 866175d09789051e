"""The scheduler as a whole: /api"""

from flask import Response, jsonify

from app.web.control.routes import shows


@shows("")
def alive() -> Response:
    return jsonify(status="alive")
