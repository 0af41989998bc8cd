"""The FastAPI application that the server composes with the pages."""

from fastapi import FastAPI

from paya_app.api import health, lots, notices, preview, session
from paya_app.api.inbound import dwolla, plaid, send_sms
from paya_app.api.problems import NoSuchRoute, add_problem_handlers
from paya_app.api.timing import ServerTiming
from paya_app.api.v1 import charges, description, docs, feed, payments, proof, savings_plans, sim, webhooks
from paya_app.api.v1.cors import KeyedCors
from paya_app.api.v1.request_ids import RequestIds

# those whose routes programs call with a key
KEYED = (payments, charges, webhooks, sim)


def create_api() -> FastAPI:
    """Every HTTP route of ours; errors answer as RFC 9457 problems. FastAPI's own docs pages load a CDN: off."""
    api = FastAPI(title="PaYa", version="1", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    add_problem_handlers(api)
    api.add_middleware(ServerTiming)
    api.add_middleware(RequestIds)
    api.add_middleware(KeyedCors, routers=[module.router for module in KEYED])
    # the hot ones first, and not through include_router, which asks every router on each request
    for module in KEYED:
        api.router.routes.extend(module.router.routes)
    for module in (
        health,
        feed,
        proof,
        savings_plans,
        description,
        docs,
        session,
        preview,
        notices,
        lots,
        send_sms,
        dwolla,
        plaid,
    ):
        api.include_router(module.router)
    api.router.routes.append(NoSuchRoute(api, "/v1/"))
    return api
