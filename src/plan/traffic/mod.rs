//! How a share of the traffic is brought about: by the number of pods, or by the weights of a route.

pub mod fight;
pub mod problem;
pub mod replicas;
pub mod route;
pub mod weight;
pub mod writes;
