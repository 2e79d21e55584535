//! Seeded workload, oracle and open-loop driver.
