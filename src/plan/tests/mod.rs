//! The walks as tables and small worlds: the real `plan`, with a cluster that does at once what it is told.

mod bounds;
mod canary;
mod checks;
mod claimed;
mod clones;
mod desk;
mod edited;
mod endings;
mod evidence;
mod existing;
mod gates;
mod green;
mod head;
mod health;
mod kinds;
mod locks;
mod other_routes;
mod people;
mod preflight;
mod refused;
mod routes;
mod routing;
mod stale;
mod status;
mod unseen;
mod writers;
