# Verifies the session on standard input with Debian's pymacaroons, which shares no code with the store, and prints its caveats.
import hashlib
import hmac
import sys

from pymacaroons import Macaroon, Verifier

secret = sys.argv[1].encode()
key = hmac.new(secret, b"offlinestore device session", hashlib.sha256).digest()
m = Macaroon.deserialize(sys.stdin.read())
v = Verifier()
v.satisfy_general(lambda caveat: True)
v.verify(m, key)
print(m.location)
for c in m.caveats:
    print(c.caveat_id_bytes.decode())
