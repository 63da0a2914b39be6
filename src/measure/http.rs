//! What a pod's answer means: status, header, time, and the beginning of its body. Pure.

use std::time::Duration;

use crate::api::check::HttpProbe;

/// So much of a body is read.
pub const BODY: usize = 64 * 1024;

/// What came back, before its body.
pub struct Head<'h> {
    pub status: u16,
    pub took: Duration,
    /// The values of the header that is asked for.
    pub values: Vec<&'h str>,
}

/// Why the answer is bad, as far as its head tells.
pub fn head(probe: &HttpProbe, head: &Head<'_>) -> Option<String> {
    let is_good = probe.status.map_or((200..300).contains(&head.status), |wanted| head.status == wanted);
    if !is_good {
        return Some(format!("status {}", head.status));
    }
    if let Some(wanted) = &probe.header
        && !head.values.contains(&wanted.value.as_str())
    {
        return Some(format!("header {} is not as wanted", wanted.name));
    }
    let limit = probe.max_latency_millis.filter(|limit| head.took.as_millis() > u128::from(*limit))?;
    Some(format!("longer than {limit} ms until the answer began"))
}

/// Why the answer is bad, by the beginning of its body.
pub fn body(probe: &HttpProbe, read: &[u8]) -> Option<String> {
    let wanted = probe.contains.as_ref()?;
    let is_there = read.windows(wanted.len()).any(|part| part == wanted.as_bytes());
    (!is_there).then(|| "its body does not contain what is wanted".to_owned())
}
