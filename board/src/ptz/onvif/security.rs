//! Proofs of who we are: the UsernameToken of WS-Security, and the digest of HTTP.

use std::hash::{BuildHasher, Hasher, RandomState};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use digest_auth::{AuthContext, HttpMethod, Qop, WwwAuthenticateHeader};
use sha1::{Digest, Sha1};

use super::soap::escaped;
use super::time::Utc;
use crate::chance::mixed;

/// A user and the password that proves it.
#[derive(Clone)]
pub(super) struct Credentials {
    pub user: String,
    pub password: String,
}

/// Numbers that are used once.
pub(super) struct Nonces {
    seed: u64,
    used: u64,
}

impl Nonces {
    /// Numbers that nobody foresees.
    pub fn unforeseen() -> Self {
        Self::new(RandomState::new().build_hasher().finish())
    }

    pub fn new(seed: u64) -> Self {
        Self { seed, used: 0 }
    }

    pub fn next(&mut self) -> [u8; 16] {
        self.used += 1;
        let first = mixed(self.seed ^ mixed(self.used));
        let second = mixed(first ^ self.seed.rotate_left(32));
        ((u128::from(first) << 64) | u128::from(second)).to_be_bytes()
    }
}

/// Base64(SHA-1(nonce + created + password)): Web Services Security UsernameToken Profile 1.1, 3.1.
pub(super) fn password_digest(nonce: &[u8], created: &str, password: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(nonce);
    hash.update(created.as_bytes());
    hash.update(password.as_bytes());
    BASE64.encode(hash.finalize())
}

/// The block of a SOAP header that proves a user; `now` as the camera's clock has it.
pub(super) fn username_token(credentials: &Credentials, nonce: [u8; 16], now: Utc) -> String {
    const EXTENSION: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    const UTILITY: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";
    const PROFILE: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0";
    const MESSAGES: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0";
    let created = now.to_text();
    let digest = password_digest(&nonce, &created, &credentials.password);
    format!(
        "<wsse:Security s:mustUnderstand=\"1\" xmlns:wsse=\"{EXTENSION}\" xmlns:wsu=\"{UTILITY}\"><wsse:UsernameToken>\
         <wsse:Username>{user}</wsse:Username>\
         <wsse:Password Type=\"{PROFILE}#PasswordDigest\">{digest}</wsse:Password>\
         <wsse:Nonce EncodingType=\"{MESSAGES}#Base64Binary\">{nonce}</wsse:Nonce>\
         <wsu:Created>{created}</wsu:Created></wsse:UsernameToken></wsse:Security>",
        user = escaped(&credentials.user),
        nonce = BASE64.encode(nonce),
    )
}

/// The first digest challenge that is understood among the values of `WWW-Authenticate`.
pub(super) fn digest_challenge(values: &[String]) -> Option<WwwAuthenticateHeader> {
    values.iter().find_map(|value| {
        // A value may hold several challenges, and the parser counts letters where it should count bytes.
        let at = value.to_ascii_lowercase().find("digest ")?;
        let challenge = &value[at..];
        let mut challenge = challenge
            .is_ascii()
            .then(|| digest_auth::parse(&challenge["digest ".len()..]).ok())??;
        if let Some(offered) = &mut challenge.qop
            && offered.contains(&Qop::AUTH)
        {
            *offered = vec![Qop::AUTH];
        }
        Some(challenge)
    })
}

/// The value of `Authorization` that answers a challenge to a POST of `body`; `None` when the challenge asks for what
/// nobody can do.
pub(super) fn digest_authorization(
    challenge: &mut WwwAuthenticateHeader,
    credentials: &Credentials,
    path: &str,
    body: &str,
    nonce: [u8; 16],
) -> Option<String> {
    let mut context = AuthContext::new_with_method(
        credentials.user.as_str(),
        credentials.password.as_str(),
        path,
        Some(body.as_bytes()),
        HttpMethod::POST,
    );
    let own: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    context.set_custom_cnonce(own);
    challenge.respond(&context).ok().map(|header| header.to_header_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_digest_of_the_programmers_guide() {
        // ONVIF Application Programmer's Guide 1.0, 6.1.1.3.
        let nonce = BASE64.decode("LKqI6G/AikKCQrN0zqZFlg==").unwrap();
        assert_eq!(
            password_digest(&nonce, "2010-09-16T07:50:45Z", "userpassword"),
            "tuOSpGlFlIXsozq4HFNeeGeFLEI="
        );
    }

    #[test]
    fn nonces_differ() {
        let mut nonces = Nonces::new(7);
        let mut drawn: Vec<_> = (0..1000).map(|_| nonces.next()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 1000);
    }

    #[test]
    fn the_digest_of_the_standard() {
        // RFC 2617, 3.5, but for the method.
        let said = "Basic realm=\"x\", Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
                    nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let mut challenge = digest_challenge(&[said.to_owned()]).unwrap();
        assert_eq!(challenge.realm, "testrealm@host.com");
        let credentials = Credentials {
            user: "Mufasa".to_owned(),
            password: "Circle Of Life".to_owned(),
        };
        let header = digest_authorization(&mut challenge, &credentials, "/dir/index.html", "<a/>", [1; 16]).unwrap();
        // MD5(MD5(Mufasa:testrealm@host.com:Circle Of Life):nonce:00000001:cnonce:auth:MD5(POST:/dir/index.html))
        assert!(
            header.contains("response=\"9e85ba8e22b6d788594fd4b18dec2f45\""),
            "{header}"
        );
        assert!(
            header.contains("qop=auth,") && header.contains("nc=00000001"),
            "{header}"
        );
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(text in "(Basic )?[dD]igest [a-z=\", é\\\\]{0,80}") {
            if let Some(mut challenge) = digest_challenge(&[text]) {
                let credentials = Credentials { user: "a".to_owned(), password: "b".to_owned() };
                let _ = digest_authorization(&mut challenge, &credentials, "/", "", [0; 16]);
            }
        }
    }
}
