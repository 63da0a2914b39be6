//! The walks as tables and small worlds: the real `plan`, with a cluster that does at once what it is told.

mod bounds;
mod checks;
mod claimed;
mod desk;
mod edited;
mod endings;
mod evidence;
mod gates;
mod head;
mod health;
mod kinds;
mod people;
mod refused;
mod status;
mod unseen;
mod writers;
