"""One module per page, so that no page downloads another's code, and the table of them."""

from collections.abc import Callable
from dataclasses import dataclass

import reflex as rx

from paya_app.web.pages import (
    activity,
    activity_item,
    add,
    admin_operations,
    cash_out,
    developers_charge,
    developers_delivery,
    developers_keys,
    developers_payments,
    developers_webhooks,
    home,
    link_bank,
    not_found,
    pay,
    person,
    proof,
    save,
    save_lab,
    save_new,
    save_plan,
    save_plan_change,
    save_withdraw,
    settings,
    settings_banks,
    settings_notifications,
    settings_sessions,
    verify,
    welcome,
)
from paya_app.web.viewer import Viewer

DESCRIPTION = "Send dollars in under a second. Show it, or keep it to yourself."


@dataclass(frozen=True)
class Page:
    """One address: what shows there, its title, and the event that loads it."""

    route: str
    component: Callable[[], rx.Component]
    title: str
    on_load: rx.event.EventType[()]
    description: str = DESCRIPTION


PAGES = (
    Page("/", home.page, "PaYa · Money between people", home.HomeState.enter),
    Page("/welcome", welcome.page, "Sign in · PaYa", welcome.WelcomeState.enter),
    Page("/verify", verify.page, "Your code · PaYa", verify.VerifyState.enter),
    Page("/add", add.page, "Add money · PaYa", add.AddState.enter),
    Page("/cash-out", cash_out.page, "Cash out · PaYa", cash_out.CashOutState.enter),
    Page("/link-bank", link_bank.page, "Link your bank · PaYa", link_bank.LinkBankState.enter),
    Page("/pay", pay.page, "Pay · PaYa", pay.PayState.enter),
    Page("/activity", activity.page, "Activity · PaYa", activity.ActivityState.enter),
    Page("/activity/[item]", activity_item.page, "Receipt · PaYa", activity_item.ItemState.enter),
    Page("/save", save.page, "Save · PaYa", save.SaveState.enter),
    Page("/save/new", save_new.page, "New plan · PaYa", save_new.NewPlanState.enter),
    Page("/save/withdraw", save_withdraw.page, "Withdraw bitcoin · PaYa", save_withdraw.WithdrawState.enter),
    Page("/save/lab", save_lab.page, "Try a plan · PaYa", save_lab.LabState.enter),
    Page("/save/[plan]", save_plan.page, "Plan · PaYa", save_plan.PlanState.enter),
    Page("/save/[plan]/change", save_plan_change.page, "Change a plan · PaYa", save_plan_change.ChangePlanState.enter),
    Page("/u/[handle]", person.page, "On PaYa", person.PersonState.enter),
    Page("/settings", settings.page, "Settings · PaYa", settings.SettingsState.enter),
    Page("/settings/banks", settings_banks.page, "Banks · PaYa", settings_banks.BanksState.enter),
    Page(
        "/settings/notifications",
        settings_notifications.page,
        "Notifications · PaYa",
        settings_notifications.NoticesState.enter,
    ),
    Page(
        "/settings/sessions",
        settings_sessions.page,
        "Where you are signed in · PaYa",
        settings_sessions.SessionsState.enter,
    ),
    Page("/developers/keys", developers_keys.page, "API keys · PaYa", developers_keys.ApiKeysState.enter),
    Page("/developers/webhooks", developers_webhooks.page, "Webhooks · PaYa", developers_webhooks.WebhooksState.enter),
    Page(
        "/developers/webhooks/[delivery]",
        developers_delivery.page,
        "Delivery · PaYa",
        developers_delivery.DeliveryState.enter,
    ),
    Page(
        "/developers/payments",
        developers_payments.page,
        "Test payments · PaYa",
        developers_payments.PaymentsState.enter,
    ),
    Page("/developers/payments/[charge]", developers_charge.page, "Charge · PaYa", developers_charge.ChargeState.enter),
    Page(
        "/proof",
        proof.page,
        "Proof · PaYa",
        Viewer.enter,
        "The fingerprint of everything that was ever paid here, and a check of your own receipt.",
    ),
    Page("/admin/operations", admin_operations.page, "Operations · PaYa", admin_operations.OperationsState.enter),
    Page("/404", not_found.page, "Nothing here · PaYa", Viewer.enter),
)
