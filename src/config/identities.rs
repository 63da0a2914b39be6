//! Which user of the API server an author is: a file of the administrator's, by the names that builds give as their authors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Why identities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("failed to read {file}")]
    Read { file: PathBuf, source: std::io::Error },
    #[error("failed to understand {file}: {why}")]
    Understand { file: PathBuf, why: String },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    identities: BTreeMap<String, String>,
}

/// From a YAML file: `identities: {maria@shop.example: maria}`.
///
/// # Errors
/// That name the file.
pub fn read(file: &Path) -> Result<BTreeMap<String, String>, Error> {
    let text = std::fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })?;
    parse(&text).map_err(|why| Error::Understand { file: file.to_owned(), why })
}

fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let read: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    match read.identities.iter().find(|(author, user)| author.is_empty() || user.is_empty()) {
        Some((author, user)) => Err(format!("identities: {author:?}: {user:?}: neither may be empty")),
        None => Ok(read.identities),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_a_user() {
        let read = parse("identities:\n  maria@shop.example: maria\n  octo-joe: 'oidc:joe'\n").unwrap();
        assert_eq!(read["octo-joe"], "oidc:joe");
        assert_eq!(parse("identities: {}").unwrap().len(), 0);
    }

    #[test]
    fn what_is_wrong_with_it_is_told() {
        for (text, why) in
            [("identities: {joe: ''}", "\"joe\""), ("identites: {}", "identites"), ("identities: [joe]", "line 1")]
        {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        assert!(read(Path::new("/nowhere")).unwrap_err().to_string().contains("/nowhere"));
    }
}
