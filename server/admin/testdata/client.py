# A client of the administration that shares no code with the store: Debian's pymacaroons and Python's own HTTP.
# It is run with the URL and an email, and reads the password from standard input.
import json
import sys
import urllib.error
import urllib.request

from pymacaroons import Macaroon

url, email = sys.argv[1:]
password = sys.stdin.read().strip()


def call(method, path, body=None, authorization=None):
    headers = {"Content-Type": "application/json", "X-Ubuntu-Series": "16"}
    if authorization:
        headers["Authorization"] = authorization
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def authorization(root, discharge):
    root = Macaroon.deserialize(root)
    bound = root.prepare_for_request(Macaroon.deserialize(discharge))
    return 'Macaroon root="{}", discharge="{}"'.format(root.serialize(), bound.serialize())


root = call("POST", "/v2/auth/issue-store-admin", {})["macaroon"]
caveats = [c for c in Macaroon.deserialize(root).third_party_caveats()]
assert len(caveats) == 1 and caveats[0].location == url, caveats
login = {"email": email, "password": password, "caveat_id": caveats[0].caveat_id}
discharge = call("POST", "/api/v2/tokens/discharge", login)["discharge_macaroon"]

# Another client serialises what it has read: this must not change it.
assert Macaroon.deserialize(discharge).serialize() == discharge

change = [{"snap_name": "jq", "revision": 5, "channel": "stable", "series": "16"}]
done = call("POST", "/v2/metadata/overrides", change, authorization(root, discharge))["overrides"]
assert [(o["revision"], o["upstream_revision"], o["channel"]) for o in done] == [(5, 6, "stable")], done

discharge = call("POST", "/api/v2/tokens/refresh", {"discharge_macaroon": discharge})["discharge_macaroon"]
assert call("GET", "/v2/metadata/overrides/jq", None, authorization(root, discharge))["overrides"] == done

# A caveat of the client's own ends its copy sooner.
short = Macaroon.deserialize(discharge)
short.add_first_party_caveat("store-admin|expires|2020-01-01T00:00:00Z")
try:
    call("GET", "/v2/metadata/overrides/jq", None, authorization(root, short.serialize()))
    sys.exit("a macaroon that its holder ended was taken")
except urllib.error.HTTPError as e:
    assert e.code == 401 and e.headers["WWW-Authenticate"] == "Macaroon needs_refresh=1", (e.code, e.headers)
print("ok")
