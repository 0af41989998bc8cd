"""A first charge, from authorization to settlement, with every message checked.

    PAYA_KEY=paya_test_... python first_charge.py

It needs Python 3.11 and `pip install standardwebhooks`, and nothing of PaYa's. PAYA_URL is http://localhost:8700 unless
it says otherwise. While its receiver is closed for an hour of the account's clock, nothing that happens is lost.
"""

import json
import os
import threading
import time
import urllib.error
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

URL = os.environ.get("PAYA_URL", "http://localhost:8700")
KEY = os.environ["PAYA_KEY"]
PATIENCE_S = 60


def call(method, path, body=None, key=None):
    """Ask PaYa, and again with the same key when no answer comes: it is done once."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    if method == "POST":
        headers["Idempotency-Key"] = key or str(uuid.uuid4())
    data = json.dumps(body or {}).encode() if method == "POST" else None
    for seconds in (1, 2, 4, None):
        try:
            with urllib.request.urlopen(urllib.request.Request(URL + path, data, headers, method=method)) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"{method} {path}: {refusal.code} {refusal.read().decode()}")
        except urllib.error.URLError:
            if seconds is None:
                raise
            time.sleep(seconds)


class Receiver:
    """A program that PaYa tells what happened. `told` has each message once, by its webhook-id."""

    def __init__(self):
        self.told, self.secret, self.server = {}, "", None

    def open(self, port=0):
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    message = Webhook(receiver.secret).verify(body, dict(self.headers.items()))
                except Exception:
                    self.send_response(400)
                else:
                    receiver.told[self.headers["webhook-id"]] = message
                    self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self.server.server_port

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def wait_for(self, kind, object_id):
        """The message of this kind about this charge, capture or refund, once it came."""
        ends = time.monotonic() + PATIENCE_S
        while time.monotonic() < ends:
            for message in list(self.told.values()):
                if message["type"] == kind and object_id in json.dumps(message["data"]):
                    return message
            time.sleep(0.1)
        raise SystemExit(f"{kind} of {object_id} did not come in {PATIENCE_S} s")


def main():
    receiver = Receiver()
    port = receiver.open()
    endpoint = call("POST", "/v1/webhook-endpoints", {"url": f"http://127.0.0.1:{port}/", "events": ["payment.*"]})
    receiver.secret = endpoint["secret"]

    # 25.00 dollars are held on the card; 20.00 are taken, the rest is released; 5.00 go back
    order = {"card": "4242424242424242", "amount": 2500, "currency": "USD"}
    held = call("POST", "/v1/payments/authorize", order, key="order-1001")
    same = call("POST", "/v1/payments/authorize", order, key="order-1001")
    assert held == same, "the same key is the same charge"
    print("authorized", held["auth_id"], held["status"])
    receiver.wait_for("payment.authorized", held["auth_id"])
    taken = call("POST", "/v1/payments/capture", {"auth_id": held["auth_id"], "amount": 2000})
    print("captured  ", taken["transaction_id"], taken["status"])
    receiver.wait_for("payment.captured", taken["transaction_id"])

    # the receiver is away for an hour; what happens meanwhile is tried again by the account's clock
    receiver.close()
    back = call("POST", "/v1/payments/refund", {"transaction_id": taken["transaction_id"], "amount": 500})
    print("refunded  ", back["refund_id"], back["status"])
    call("POST", "/v1/sim/clock/advance", {"seconds": 3600})
    assert receiver.open(port) == port

    # settlement is on the next bank day: two days later, or four over a weekend
    for _ in range(5):
        call("POST", "/v1/sim/clock/advance", {"seconds": 86400})
        charge = call("GET", f"/v1/charges/{held['auth_id']}")
        if charge["settled_minor"] == 2000:
            break
    receiver.wait_for("payment.settled", taken["transaction_id"])
    receiver.wait_for("payment.refunded", back["refund_id"])
    print("settled   ", charge["settled_minor"], "of which refunded", charge["refunded_minor"])
    print("told      ", len(receiver.told), "messages, each signed and checked")
    call("DELETE", f"/v1/webhook-endpoints/{endpoint['id']}")


if __name__ == "__main__":
    main()
