"""Stands in for Supabase Auth at `/auth/v1`: the calls that supabase-py makes, with its answers and errors.

One-time codes by text message only. It keeps Supabase's tables (`auth.users`, `auth.sessions`,
`auth.refresh_tokens`) and hands codes to the Send-SMS hook, as hosted Supabase does.

Differs from Supabase on purpose: a code can be tried five times; codes and refresh tokens are kept as hashes;
`create_user: false` is refused for every number, because there the answer tells who has an account. `/otp` and
`/verify` want the service-role key as the bearer, because tries are counted per code: with the public anon key
anybody could use up somebody else's. Hosted serves them to the anon key too and counts per address; there a captcha
keeps strangers from `/otp` (Auth asks none of the service-role key), and the Send-SMS hook refuses to text what our
server did not announce.
"""

from paya_app.local.auth.app import create_auth
from paya_app.local.auth.config import AuthConfig

__all__ = ["AuthConfig", "create_auth"]
