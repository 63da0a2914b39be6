//! Providers of metrics: named, with their addresses and credentials, in a file of the administrator's. Namespaced objects
//! know the names only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Url};
use serde::Deserialize;

use crate::api::Time;

/// Why providers cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to read {file}")]
    Read { file: PathBuf, source: std::io::Error },
    #[error("failed to understand {file}: {why}")]
    Understand { file: PathBuf, why: String },
    #[error("failed to make a client")]
    Client(#[source] reqwest::Error),
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    providers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    name: String,
    /// Where `/api/v1/query` is below.
    url: String,
    /// Read anew for each query, so that it may be renewed.
    bearer_token_file: Option<PathBuf>,
    basic_auth: Option<BasicAuth>,
    /// Certificates that the provider's own must come from, instead of the system's.
    ca_file: Option<PathBuf>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BasicAuth {
    username: String,
    password_file: PathBuf,
}

/// All providers, by name.
#[derive(Default)]
pub struct Providers(BTreeMap<String, Provider>);

/// One provider.
pub struct Provider {
    query: Url,
    client: Client,
    credentials: Credentials,
}

enum Credentials {
    None,
    Bearer(PathBuf),
    Basic(BasicAuth),
}

impl Providers {
    /// From a YAML file: `providers: [{name, url, bearerTokenFile, basicAuth: {username, passwordFile}, caFile}]`.
    ///
    /// # Errors
    /// That name the file and the entry.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
        let wrong = |why: String| Error::Understand { file: file.to_owned(), why };
        let read: File = serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let mut all = BTreeMap::new();
        for entry in read.providers {
            let name = entry.name.clone();
            let provider = Provider::of(entry).map_err(|error| match error {
                Fault::Said(why) => wrong(format!("provider {name}: {why}")),
                Fault::Client(error) => Error::Client(error),
            })?;
            if all.insert(name.clone(), provider).is_some() {
                return Err(wrong(format!("provider {name} stands there twice")));
            }
        }
        Ok(Self(all))
    }

    /// The one of that name.
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

enum Fault {
    Said(String),
    Client(reqwest::Error),
}

impl Provider {
    fn of(entry: Entry) -> Result<Self, Fault> {
        let said = |why: &str| Fault::Said(why.to_owned());
        let base = entry.url.trim_end_matches('/');
        let query =
            Url::parse(&format!("{base}/api/v1/query")).map_err(|error| Fault::Said(format!("url: {error}")))?;
        if !matches!(query.scheme(), "http" | "https") {
            return Err(said("url: must be http or https"));
        }
        let credentials = match (entry.bearer_token_file, entry.basic_auth) {
            (Some(_), Some(_)) => return Err(said("bearerTokenFile and basicAuth exclude each other")),
            (Some(file), None) => Credentials::Bearer(file),
            (None, Some(basic)) => Credentials::Basic(basic),
            (None, None) => Credentials::None,
        };
        let builder = Client::builder().redirect(Policy::none()).no_proxy().connect_timeout(Duration::from_secs(10));
        let builder = match &entry.ca_file {
            Some(file) => builder.tls_certs_only(certificates(file)?),
            // no certificates are looked for where none is needed
            None if query.scheme() == "http" => builder.tls_certs_only([]),
            None => builder,
        };
        let client = builder.user_agent("windlass").build().map_err(Fault::Client)?;
        Ok(Self { query, client, credentials })
    }

    /// The request of an instant query; as of then, or of now.
    pub async fn request(&self, query: &str, at: Option<Time>) -> Result<RequestBuilder, String> {
        let mut request = self.client.get(self.query.clone()).query(&[("query", query)]);
        if let Some(at) = at {
            request = request.query(&[("time", at.to_string())]);
        }
        Ok(match &self.credentials {
            Credentials::None => request,
            Credentials::Bearer(file) => request.bearer_auth(secret(file).await?),
            Credentials::Basic(basic) => request.basic_auth(&basic.username, Some(secret(&basic.password_file).await?)),
        })
    }
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, Fault> {
    let pem = std::fs::read(file).map_err(|error| Fault::Said(format!("caFile: {error}")))?;
    let read = Certificate::from_pem_bundle(&pem).map_err(|_| Fault::Said("caFile: no certificates in PEM".into()))?;
    if read.is_empty() { Err(Fault::Said("caFile: no certificates in PEM".into())) } else { Ok(read) }
}

/// A secret's first line. Its file is not named to people who may not know of it.
async fn secret(file: &Path) -> Result<String, String> {
    let read = tokio::fs::read_to_string(file).await.map_err(|_| "its credentials cannot be read")?;
    Ok(read.lines().next().unwrap_or_default().trim().to_owned())
}
