//! A git repository that is served over HTTP on loopback, as a forge would.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use crate::loopback::Server;
use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// The branch that is served.
pub const BRANCH: &str = "main";

/// A repository with a work tree, and its server; which ends when it is dropped.
#[derive(Debug)]
pub struct Git {
    /// Where it is cloned from.
    pub url: String,
    tree: PathBuf,
    _server: Server,
}

impl Git {
    /// An empty repository in a new folder.
    pub async fn serve(dir: &Path) -> Result<Self> {
        let tree = dir.join("shop");
        std::fs::create_dir_all(&tree).with_context(|| format!("failed to create {}", tree.display()))?;
        run(&tree, &["init", "--quiet", "--initial-branch", BRANCH]).await?;
        let root: Arc<Path> = dir.into();
        let server = Server::start(move |request| {
            let root = Arc::clone(&root);
            async move { answer(&root, request).await }
        });
        let server = server.await?;
        Ok(Self { url: format!("http://{}/shop/.git", server.address), tree, _server: server })
    }

    /// Commits these files, path and text; gives the commit.
    pub async fn commit(&self, message: &str, files: &[(&str, String)]) -> Result<String> {
        for (path, text) in files {
            let path = self.tree.join(path);
            let dir = path.parent().context("a file lies in a folder")?;
            std::fs::create_dir_all(dir).with_context(|| format!("failed to create {}", dir.display()))?;
            std::fs::write(&path, text).with_context(|| format!("failed to write {}", path.display()))?;
        }
        run(&self.tree, &["add", "--all"]).await?;
        run(&self.tree, &["commit", "--quiet", "--message", message]).await?;
        self.head().await
    }

    /// `git revert` of a commit; gives the commit that does it.
    pub async fn revert(&self, commit: &str) -> Result<String> {
        run(&self.tree, &["revert", "--no-edit", commit]).await?;
        self.head().await
    }

    async fn head(&self) -> Result<String> {
        run(&self.tree, &["rev-parse", "HEAD"]).await
    }
}

/// Git without anybody's own settings.
fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_AUTHOR_NAME", "maria").env("GIT_AUTHOR_EMAIL", "maria@shop.example");
    command.env("GIT_COMMITTER_NAME", "maria").env("GIT_COMMITTER_EMAIL", "maria@shop.example");
    command
}

async fn run(dir: &Path, args: &[&str]) -> Result<String> {
    let output = git(dir).args(args).output().await.context("there is no `git` on PATH: install git")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {} failed: {}", args.join(" "), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn answer(root: &Path, request: Request<Incoming>) -> Response<Full<Bytes>> {
    backend(root, request).await.unwrap_or_else(|error| {
        let mut answer = Response::new(Full::from(format!("{error:#}")));
        *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        answer
    })
}

/// `git http-backend` is a CGI program: the request by variables and on its input, headers and body on its output.
async fn backend(root: &Path, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.context("the request broke off")?.to_bytes();
    let said = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut command = git(root);
    command.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("REQUEST_METHOD", parts.method.as_str()).env("PATH_INFO", parts.uri.path());
    command.env("QUERY_STRING", parts.uri.query().unwrap_or_default()).env("CONTENT_TYPE", said("content-type"));
    command.env("HTTP_CONTENT_ENCODING", said("content-encoding")).env("GIT_PROTOCOL", said("git-protocol"));
    command.env("CONTENT_LENGTH", body.len().to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut input = child.stdin.take().context("it has an input")?;
    let write = async move {
        // it may answer before it has read all
        drop(input.write_all(&body).await);
    };
    let ((), output) = tokio::join!(write, child.wait_with_output());
    let output = output?.stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(|| anyhow!("it says nothing"))?;
    let mut answer = Response::builder();
    for line in String::from_utf8_lossy(output.get(..end).unwrap_or_default()).lines() {
        let (name, value) = line.split_once(": ").with_context(|| format!("no header: {line}"))?;
        answer = match name {
            "Status" => answer.status(value.split(' ').next().unwrap_or_default()),
            _ => answer.header(name, value),
        };
    }
    let body = Bytes::copy_from_slice(output.get(end + 4..).unwrap_or_default());
    Ok(answer.header(header::CONNECTION, "close").body(Full::from(body))?)
}
