"""The file is checked at the start: each mistake is one line that names the file, the destination and the key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from penstock.notifier.settings import NotifierSettings
from penstock.notifier.wiring import build
from penstock.runtime.settings import SettingsError
from penstock.runtime.single_process import SingleProcess

OPS = '[[destination]]\nname = "ops"\nkind = "webhook"\nurl = "https://example.com/x"\nsecret_variable = "OPS_SECRET"\n'
MAIL = '[[destination]]\nname = "mail"\nkind = "email"\nhost = "h"\nsender = "a@b"\nrecipients = ["c@d"]\n'
SECRET = "whsec_" + "A" * 32

WRONG = {
    "= 3": "not valid TOML",
    "[[destinations]]\nname = 'x'\n": "destinations: no such key",
    OPS.replace("webhook", "pager"): "destination 'ops' kind: Input tag 'pager'|destination 'ops': Input tag 'pager'",
    OPS + "colour = 'red'\n": "destination 'ops' colour: no such key",
    OPS + "group_interval = 'soon'\n": "destination 'ops' group_interval: ",
    OPS + "kinds = ['meteor']\n": r"destination 'ops' kinds\.0: Input should be 'shortfall'",
    OPS.replace("ops", "Ops"): "destination 'Ops' name: ",
    OPS.replace("https", "gopher"): "destination 'ops' url: ",
    OPS.replace('name = "ops"\n', ""): "destination number 1 name: Field required",
    OPS + OPS: "destination: 'ops' is listed twice",
    OPS.replace("OPS_SECRET", "OTHER"): "destination 'ops': the environment variable OTHER is not set",
    OPS.replace("OPS_SECRET", "WEAK_SECRET"): "destination 'ops': WEAK_SECRET: expected whsec_ and 24 to 64 bytes",
    OPS.replace("OPS_SECRET", "PLAIN_SECRET"): "destination 'ops': PLAIN_SECRET: expected whsec_ and 24 to 64 bytes",
    '[[destination]]\nname = "s"\nkind = "slack"\nurl_variable = "WEAK_SECRET"\n': "WEAK_SECRET: expected a URL",
    MAIL.replace("a@b", "nobody"): "destination 'mail' sender: ",
    MAIL.replace('["c@d"]', "[]"): "destination 'mail' recipients: ",
    MAIL + "username = 'u'\n": "destination 'mail': username and password_variable belong together",
    "[[silence]]\nuntil = 2026-01-01T00:00:00Z\n": "silence number 1: a silence names a kind, a stream or both",
    "[[silence]]\nstream = 'loans'\nuntil = 2026-01-01T00:00:00\n": "silence number 1 until: ",
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OPS_SECRET": SECRET, "WEAK_SECRET": "whsec_AAAA", "PLAIN_SECRET": "A" * 32}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_told_in_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "notifications.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as refused:
        build(NotifierSettings(notifications=str(file)), SingleProcess().resources())
    message = str(refused.value)
    assert message.startswith("PENSTOCK_NOTIFICATIONS: ")
    assert re.search(WRONG[text], message), message
    assert "\n" not in message
    assert "A" * 32 not in message, "a secret is not shown"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"PENSTOCK_NOTIFICATIONS: .*/none cannot be read: No such file"):
        build(NotifierSettings(notifications=str(tmp_path / "none")), SingleProcess().resources())


def test_each_destination_is_a_group_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "notifications.toml"
    file.write_text(OPS + MAIL + "[[silence]]\nstream = 'loans'\nuntil = 2026-01-01T00:00:00Z\n")
    service = build(NotifierSettings(notifications=str(file)), SingleProcess().resources())
    assert [group.name for group in service.groups] == ["notifier-ops", "notifier-mail"]
    assert service.health() == {"destinations": ["ops", "mail"]}


def test_without_a_file_nobody_is_told_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    service = build(NotifierSettings(), SingleProcess().resources())
    assert (service.groups, service.health()) == ([], {"destinations": []})
    assert "nobody is told of alerts: set PENSTOCK_NOTIFICATIONS" in caplog.text


def test_the_example_of_the_readme_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    file = tmp_path / "notifications.toml"
    file.write_text(readme.partition("```toml\n")[2].partition("```")[0])
    monkeypatch.setenv("CHANNEL_URL", "https://example.com/channel")
    monkeypatch.setenv("MAIL_PASSWORD", "p")
    service = build(NotifierSettings(notifications=str(file)), SingleProcess().resources())
    assert [group.name for group in service.groups] == ["notifier-ops", "notifier-channel", "notifier-night"]
