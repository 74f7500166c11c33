# Calls the gateway with the public client of the Snap Store's model service. It is run with the folder of canonicalwebteam.store-api, the URL
# of the gateway and an account ID, and reads the token of an administrator from standard input.
import os
import sys

folder, url, brand = sys.argv[1:]
os.environ["PUBLISHERGW_URL"] = url
sys.path.insert(0, folder)

import requests  # noqa: E402
from canonicalwebteam.exceptions import StoreApiResourceNotFound, StoreApiResponseErrorList  # noqa: E402
from canonicalwebteam.store_api.publishergw import PublisherGW  # noqa: E402

token = sys.stdin.read().strip()
answer = requests.post(url + "/v1/tokens/offline/exchange", json={"macaroon": token})
session = {"developer_token": answer.json()["macaroon"]}
client = PublisherGW("snap", requests.Session())

assert client.get_brand(session, brand)["account-id"] == brand
assert client.macaroon_info(session["developer_token"])["account"]["email"]
assert client.get_store_models(session, brand) == []
made = client.create_store_model(session, brand, "pump", "abc123")
assert (made["name"], made["api-key"], made["series"]) == ("pump", "abc123", "16"), made
assert client.create_store_model(session, brand, "valve")["api-key"] is None
assert client.update_store_model(session, brand, "pump", "def456")["api-key"] == "def456"
assert [m["name"] for m in client.get_store_models(session, brand)] == ["pump", "valve"]

key = client.create_store_signing_key(session, brand, "serials")
assert key["name"] == "serials" and len(key["sha3-384"]) == 64, key
assert [k["sha3-384"] for k in client.get_store_signing_keys(session, brand)] == [key["sha3-384"]]
policy = client.create_store_model_policy(session, brand, "pump", key["sha3-384"])
assert (policy["revision"], policy["signing-key-sha3-384"], policy["authority"]) == (1, key["sha3-384"], brand), policy
assert [p["revision"] for p in client.get_store_model_policies(session, brand, "pump")] == [1]
try:
    client.process_response(client.delete_store_signing_key(session, brand, key["sha3-384"]))
    raise AssertionError("a key in use was deleted")
except StoreApiResponseErrorList as e:
    assert e.status_code == 409 and "used" in e.errors[0]["message"], e.errors

entry = {"from-model": "valve", "to-model": "pump", "from-serial": "s1", "description": "a test"}
assert client.create_remodel_allowlist(session, brand, [entry])["allowlist"][0]["from-serial"] == "s1"
changed = client.update_remodel_allowlist(session, brand, [dict(entry, description="changed")])
assert changed["allowlist"][0]["description"] == "changed", changed
page = {"cursor": None, "page-size": 10, "from-model": "valve"}
listed = client.get_remodel_allowlist(session, brand, page)
assert len(listed["allowlist"]) == 1 and listed["next-cursor"] is None, listed
assert client.delete_remodel_allowlist(session, brand, [entry])["allowlist"]

times = {"start_time": "2025-03-20T05:19:52.00", "end_time": "2026-03-20T05:19:52.00", "page_size": 10, "cursor": None}
assert client.get_store_model_serial_logs(session, brand, "pump", times) == {"items": [], "next-cursor": None}
assert client.get_store_model_serial_log(session, brand, "pump", "s1", True, True) == {"items": [], "next-cursor": None}

assert client.delete_store_model_policy(session, brand, "pump", 1).status_code == 204
assert client.delete_store_signing_key(session, brand, key["sha3-384"]).status_code == 204
for call in (lambda: client.get_brand(session, "nobody"), lambda: client.get_store_model_policies(session, brand, "none")):
    try:
        call()
        raise AssertionError("something that is not here was found")
    except StoreApiResourceNotFound:
        pass
try:
    client.create_store_model({"developer_token": "AAAA"}, brand, "other")
    raise AssertionError("a forged macaroon was taken")
except StoreApiResponseErrorList as e:
    assert e.status_code == 401, e.status_code
print("ok")
