//! How a share of the traffic is brought about: by the number of pods.

pub mod replicas;
