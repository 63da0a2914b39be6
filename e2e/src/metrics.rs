//! A stand-in for Prometheus on loopback: one server for all stories of this process. Each story says what queries about
//! its own namespace are answered with; what nobody has spoken for has no data.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::locked::lock;
use crate::pki::Pki;

/// How a query is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// One series with that value, as it stands there: `0.01`, `NaN`.
    Value(String),
    /// No series.
    Nothing,
    /// That status, and a page that is no JSON.
    Status(u16),
    /// No answer for as long as anyone waits.
    Silence,
    /// A body of a gigabyte.
    Endless,
    /// One after the other, the last for ever.
    Turns(Vec<Answer>),
}

impl Answer {
    /// One series with that value.
    pub fn of(value: &str) -> Self {
        Self::Value(value.to_owned())
    }
}

/// The server; it ends with the process.
#[derive(Debug, Clone)]
pub struct Metrics {
    port: u16,
    /// The same with TLS, by a certificate of that authority.
    secure: u16,
    authority: String,
    book: Arc<Mutex<Book>>,
}

/// Answers by what the query contains, and the queries so far.
#[derive(Debug, Default)]
struct Book {
    answers: BTreeMap<String, Answer>,
    asked: Vec<String>,
}

impl Metrics {
    /// The one of this process, started when it is first asked for.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: tokio::sync::OnceCell<Metrics> = tokio::sync::OnceCell::const_new();
        SHARED.get_or_try_init(Self::start).await
    }

    async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to listen for queries")?;
        let pki = Pki::new()?;
        let tls = pki.server()?.acceptor()?;
        let secure =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to listen for queries with TLS")?;
        let (port, secure_port) = (listener.local_addr()?.port(), secure.local_addr()?.port());
        let metrics = Self { port, secure: secure_port, authority: pki.ca().cert.clone(), book: Arc::default() };
        tokio::spawn(accept(listener, None, Arc::clone(&metrics.book)));
        tokio::spawn(accept(secure, Some(tls), Arc::clone(&metrics.book)));
        Ok(metrics)
    }

    /// The flags of an operator that knows it as `prometheus`, as `secure` with TLS, as `stranger` without its authority, and as
    /// `gone` one where nobody listens. Writes the file of providers into that folder.
    pub fn flags(&self, folder: &Path) -> Result<Vec<String>> {
        let file = folder.join("providers.yaml");
        let gone = crate::ports::free()?;
        let authority = folder.join("providers-ca.pem");
        std::fs::write(&authority, &self.authority).context("failed to write the authority of a provider")?;
        let secure = format!("https://localhost:{}", self.secure);
        let providers = json!({"providers": [
            {"name": "secure", "url": secure, "caFile": authority},
            {"name": "stranger", "url": secure},
            {"name": "prometheus", "url": format!("http://127.0.0.1:{}", self.port)},
            {"name": "gone", "url": format!("http://127.0.0.1:{gone}/prefix/")},
        ]});
        std::fs::write(&file, providers.to_string()).context("failed to write the file of providers")?;
        Ok(vec!["--metric-providers".to_owned(), file.display().to_string()])
    }

    /// From now on queries that contain `part` are answered so; of several parts the longest counts.
    pub fn answer(&self, part: &str, answer: Answer) {
        lock(&self.book).answers.insert(part.to_owned(), answer);
    }

    /// The queries so far that contain `part`, each with its time where one was given: `query@time`.
    pub fn asked(&self, part: &str) -> Vec<String> {
        lock(&self.book).asked.iter().filter(|query| query.contains(part)).cloned().collect()
    }
}

impl Book {
    fn next(&mut self, query: &str) -> Answer {
        let fits = self.answers.iter_mut().filter(|(part, _)| query.contains(part.as_str()));
        match fits.max_by_key(|(part, _)| part.len()) {
            Some((_, Answer::Turns(turns))) if turns.len() > 1 => turns.remove(0),
            Some((_, Answer::Turns(turns))) => turns.first().cloned().unwrap_or(Answer::Nothing),
            Some((_, answer)) => answer.clone(),
            None => Answer::Nothing,
        }
    }
}

/// Takes connections, with TLS where there is some.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, book: Arc<Mutex<Book>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (book, tls) = (Arc::clone(&book), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, &book).await,
                Some(tls) => serve(tls.accept(stream).await?, &book).await,
            }
        });
    }
}

/// One request for each connection.
async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, book: &Mutex<Book>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut header = String::new();
    while stream.read_line(&mut header).await? > 2 {
        header.clear();
    }
    let target = line.split(' ').nth(1).unwrap_or_default();
    let (query, time) = (parameter(target, "query").unwrap_or_default(), parameter(target, "time"));
    let answer = {
        let mut book = lock(book);
        let asked = time.map_or_else(|| query.clone(), |time| format!("{query}@{time}"));
        book.asked.push(asked.clone());
        book.next(&asked)
    };
    let mut stream = stream.into_inner();
    let vector =
        |series: serde_json::Value| json!({"status": "success", "data": {"resultType": "vector", "result": series}});
    match answer {
        Answer::Value(value) => {
            say(&mut stream, 200, &vector(json!([{"metric": {}, "value": [0, value]}])).to_string()).await
        }
        Answer::Nothing => say(&mut stream, 200, &vector(json!([])).to_string()).await,
        Answer::Status(code) => say(&mut stream, code, "<html>not now</html>").await,
        Answer::Silence => {
            tokio::time::sleep(std::time::Duration::from_secs(600)).await;
            Ok(())
        }
        Answer::Endless => {
            let length: usize = 1 << 30;
            stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n").as_bytes()).await?;
            let part = vec![b' '; 1 << 16];
            for _ in 0..length / part.len() {
                stream.write_all(&part).await?;
            }
            Ok(())
        }
        Answer::Turns(_) => Ok(()),
    }
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), code: u16, body: &str) -> Result<()> {
    let head = format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(())
}

/// A parameter of a request's target, decoded.
fn parameter(target: &str, name: &str) -> Option<String> {
    let pairs = target.split_once('?')?.1.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name)?.1;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
