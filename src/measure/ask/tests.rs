//! Measurements against servers on loopback: what is good, bad and no answer, and that nothing leads elsewhere or without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that answers every request with those bytes, then with as many more as one takes; counts the requests.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
    heard: Arc<std::sync::Mutex<String>>,
}

async fn server(head: &'static str, body: &'static str, is_endless: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
    let heard = Arc::<std::sync::Mutex<String>>::default();
    let (count, ear) = (Arc::clone(&asked), Arc::clone(&heard));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            *ear.lock().unwrap() = String::from_utf8_lossy(&request[..length]).into_owned();
            tokio::spawn(async move {
                let _ = stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await;
                while is_endless && stream.write_all(&[b' '; 4096]).await.is_ok() {}
            });
        }
    });
    Server { port, asked, heard }
}

fn asker() -> Asker {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Asker::new(Providers::default()).unwrap()
}

fn http(port: u16, rest: Value) -> Ask {
    let mut all = json!({"service": "web", "port": 80, "timeout": "1s"});
    all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let target = Endpoint { pod: "web-1".into(), address: "127.0.0.1".into(), port };
    Ask::Http { probe: serde_json::from_value(all).unwrap(), targets: vec![target] }
}

async fn read(ask: &Ask) -> Reading {
    asker().ask(ask, Time::default(), 0).await
}

async fn bad(port: u16, rest: Value) -> String {
    match read(&http(port, rest)).await {
        Reading::Bad(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn status_header_and_body_are_judged() {
    let it = server("HTTP/1.1 200 OK\r\nx-state: fine\r\ncontent-length: 5", "ready", false).await;
    for good in [
        json!({}),
        json!({"path": "/healthz?deep=1", "status": 200}),
        json!({"header": {"name": "X-State", "value": "fine"}, "contains": "ead", "maxLatencyMillis": 60000}),
    ] {
        assert_eq!(read(&http(it.port, good)).await, Reading::Good);
    }
    for (wanted, why) in [
        (json!({"status": 204}), "/: status 200"),
        (json!({"header": {"name": "X-State", "value": "other"}}), "/: header X-State is not as wanted"),
        (json!({"header": {"name": "X-Other", "value": "fine"}}), "/: header X-Other is not as wanted"),
        (json!({"path": "/x", "contains": "readier"}), "/x: its body does not contain what is wanted"),
    ] {
        assert_eq!(bad(it.port, wanted).await, why);
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let inner = server("HTTP/1.1 200 OK\r\ncontent-length: 0", "", false).await;
    let location =
        format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{}/latest\r\ncontent-length: 0", inner.port);
    let it = server(location.leak(), "", false).await;
    assert_eq!(bad(it.port, json!({})).await, "/: status 302");
    assert_eq!(read(&http(it.port, json!({"status": 302}))).await, Reading::Good);
    assert_eq!(inner.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_endless_body_is_cut() {
    let it = server("HTTP/1.1 200 OK", "ready", true).await;
    assert_eq!(read(&http(it.port, json!({"contains": "ready"}))).await, Reading::Good);
    assert!(bad(it.port, json!({"contains": "never"})).await.contains("does not contain"));
    assert_eq!(read(&http(it.port, json!({}))).await, Reading::Good, "its body is not read at all");
}

#[tokio::test]
async fn a_pod_that_does_not_answer_is_bad() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    assert_eq!(bad(port, json!({})).await, "/: no answer within 1s");
    drop(listener);
    assert!(bad(port, json!({})).await.starts_with("/: no answer: "));
}

#[tokio::test]
async fn an_answer_that_begins_late_is_bad_where_that_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    assert_eq!(read(&http(port, json!({}))).await, Reading::Good);
    assert_eq!(bad(port, json!({"maxLatencyMillis": 50})).await, "/: longer than 50 ms until the answer began");
}

#[tokio::test]
async fn one_bad_pod_among_many_is_bad_and_all_are_asked_in_turn() {
    let (good, poor) = (
        server("HTTP/1.1 200 OK\r\ncontent-length: 0", "", false).await,
        server("HTTP/1.1 500 X\r\ncontent-length: 0", "", false).await,
    );
    let Ask::Http { probe, targets } = http(good.port, json!({})) else { unreachable!() };
    let mut all: Vec<Endpoint> = targets.into_iter().cycle().take(15).collect();
    all[14].port = poor.port;
    let (asker, ask) = (asker(), Ask::Http { probe: probe.clone(), targets: all });
    assert_eq!(asker.ask(&ask, Time::default(), 0).await, Reading::Good);
    assert_eq!(good.asked.load(Ordering::SeqCst), PODS);
    assert_eq!(asker.ask(&ask, Time::default(), 1).await, Reading::Bad("/: status 500".into()));
    let none = Ask::Http { probe, targets: vec![] };
    assert!(matches!(asker.ask(&none, Time::default(), 0).await, Reading::Silent(_)));
}

async fn metric(it: &Server, file: &str, rest: Value) -> Reading {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = std::env::temp_dir().join(format!("windlass-measure-{}-{}", std::process::id(), it.port));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("secret"), "s3cret\n").unwrap();
    let text = format!("providers: [{{name: p, url: 'http://127.0.0.1:{}/base/'{file}}}]", it.port);
    std::fs::write(dir.join("providers"), text.replace("DIR", &dir.display().to_string())).unwrap();
    let providers = Providers::read(&dir.join("providers")).unwrap();
    std::fs::remove_file(dir.join("providers")).unwrap();
    let mut all = json!({"provider": "p", "query": "up{ns=\"{{namespace}}\"}", "max": "1", "timeout": "1s"});
    all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let names = Names { namespace: "a&b".into(), workload: "w".into(), track: "stable", hash: "h".into() };
    let probe = serde_json::from_value(all).unwrap();
    let ask = Ask::Metric(Box::new(Metric { probe, names, since: Time::default(), stable: None }));
    let reading = Asker::new(providers).unwrap().ask(&ask, Time::default(), 0).await;
    std::fs::remove_dir_all(&dir).unwrap();
    reading
}

const ONE: &str = r#"{"status":"success","data":{"resultType":"vector","result":[{"value":[0,"1"]}]}}"#;

#[tokio::test]
async fn a_provider_is_asked_with_its_credentials_and_below_its_path() {
    let it = server("HTTP/1.1 200 OK", ONE, false).await;
    assert_eq!(metric(&it, ", bearerTokenFile: DIR/secret", json!({})).await, Reading::Good);
    let heard = it.heard.lock().unwrap().clone();
    assert!(heard.starts_with("GET /base/api/v1/query?query=up%7Bns%3D%22a%26b%22%7D HTTP/1.1"), "{heard}");
    assert!(heard.contains("authorization: Bearer s3cret\r\n"), "{heard}");
    assert_eq!(metric(&it, ", basicAuth: {username: u, passwordFile: DIR/secret}", json!({})).await, Reading::Good);
    assert!(it.heard.lock().unwrap().contains("authorization: Basic dTpzM2NyZXQ=\r\n"));
    let missing = metric(&it, ", bearerTokenFile: DIR/other", json!({})).await;
    assert_eq!(missing, Reading::Silent("provider p: its credentials cannot be read".into()));
    assert!(matches!(metric(&it, "", json!({"max": "0.5"})).await, Reading::Bad(_)));
    let unknown = metric(&it, "", json!({"provider": "q"})).await;
    assert_eq!(unknown, Reading::Silent("provider q: it is not in the operator's configuration".into()));
}

#[tokio::test]
async fn a_provider_without_an_answer_condemns_nothing() {
    for (head, body, is_endless, why) in [
        ("HTTP/1.1 200 OK", "", true, "longer than 1048576 bytes"),
        ("HTTP/1.1 503 X\r\ncontent-length: 0", "", false, "status 503"),
        ("HTTP/1.1 302 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0", "", false, "status 302"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2", "{}", false, "cannot be read"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 90", "{}", false, ""),
    ] {
        let it = server(head, body, is_endless).await;
        let Reading::Silent(said) = metric(&it, "", json!({})).await else { panic!("an answer in spite of {why}") };
        assert!(said.starts_with("provider p: ") && said.contains(why), "{said}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dead = Server { port, asked: Arc::default(), heard: Arc::default() };
    assert_eq!(metric(&dead, "", json!({})).await, Reading::Silent("provider p: no answer within 1s".into()));
    drop(listener);
    assert!(matches!(metric(&dead, "", json!({})).await, Reading::Silent(_)));
}

#[test]
fn a_bad_file_of_providers_names_the_entry() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = std::env::temp_dir().join(format!("windlass-providers-{}", std::process::id()));
    for (text, why) in [
        ("providers: [{name: p, url: 'ftp://x'}]", "provider p: url: must be http or https"),
        ("providers: [{name: p, url: x}]", "provider p: url: "),
        ("providers: [{name: p, url: 'http://x'}, {name: p, url: 'http://y'}]", "provider p stands there twice"),
        ("providers: [{name: p, url: 'http://x', token: y}]", "token"),
        (
            "providers: [{name: p, url: 'http://x', bearerTokenFile: /a, basicAuth: {username: u, passwordFile: /b}}]",
            "provider p: bearerTokenFile and basicAuth exclude each other",
        ),
        ("providers: [{name: p, url: 'https://x', caFile: /nowhere}]", "provider p: caFile: "),
    ] {
        std::fs::write(&file, text).unwrap();
        let Err(error) = Providers::read(&file) else { panic!("{text} was taken") };
        assert!(error.to_string().contains(why), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
}
