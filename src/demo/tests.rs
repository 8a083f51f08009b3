use super::*;

#[actix_web::test]
async fn both_ways_end_in_a_verified_id_token() {
    run(Options { port: 0, check: true }).await.expect("both ways");
}

#[actix_web::test]
async fn a_port_in_use_is_named_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let failure = run(Options { port, check: true }).await.expect_err("taken").to_string();
    assert!(failure.contains(&port.to_string()) && failure.contains("--port"), "{failure}");
}
