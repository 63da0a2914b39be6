//! Kubeconfig files for one server: by certificate and by bearer token.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pki::Pair;

/// Who a kubeconfig speaks as.
#[derive(Debug, Clone)]
pub enum Identity<'a> {
    Certificate(&'a Pair),
    Token(&'a str),
}

/// The text of a kubeconfig; JSON, which is YAML as well.
pub fn text(server: &str, ca: &str, identity: &Identity<'_>) -> String {
    let user = match identity {
        Identity::Certificate(pair) => certificate(pair),
        Identity::Token(token) => json!({ "token": token }),
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "e2e", "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca) } }],
        "users": [{ "name": "e2e", "user": user }],
        "contexts": [{ "name": "e2e", "context": { "cluster": "e2e", "user": "e2e" } }],
        "current-context": "e2e",
    });
    format!("{config:#}\n")
}

fn certificate(pair: &Pair) -> Value {
    json!({ "client-certificate-data": STANDARD.encode(&pair.cert), "client-key-data": STANDARD.encode(&pair.key) })
}
