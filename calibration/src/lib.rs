//! The numbers that tie the sensors to the model and to the world, each with the fit that finds it from data.
