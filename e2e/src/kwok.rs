//! The stages by which kwok plays nodes and pods. They are our own, in `kwok/*.yaml`; the cues are those of `cue.rs`.

/// How a stage finds the cue that the first stage noted.
const CUE: &str = r#".status.conditions[]? | select(.type == "windlass.test/cue")"#;

/// kwok's configuration file.
pub fn stages() -> String {
    [
        include_str!("../kwok/nodes.yaml"),
        include_str!("../kwok/begin.yaml"),
        include_str!("../kwok/play.yaml"),
        include_str!("../kwok/jobs.yaml"),
    ]
    .join("\n---\n")
    .replace("@cue@.reason", &format!("{CUE} | .reason"))
    .replace("@cue@", CUE)
}
