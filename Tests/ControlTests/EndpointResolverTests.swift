import Synchronization
import Testing

@testable import Control
@testable import Routing

@Suite struct EndpointResolverTests {
    private final class Names: Sendable {
        let answers = Mutex<[String: [String]]>([:])

        func answer(_ host: String) -> EndpointResolver.Answer {
            guard let found = answers.withLock({ $0[host] }) else {
                return .failure(NameResolutionError(host: host, reason: "no such name"))
            }
            return .success(found)
        }
    }

    private let names = Names()
    private let services = [
        ReferencedService(port: ServicePort(name: "a", port: 80), isDeclared: true, connectPort: 80),
        ReferencedService(port: ServicePort(name: "b", port: 81), isDeclared: true, connectPort: 8081),
    ]

    private func resolve(
        _ overrides: [String] = [], previous: [String: [String]] = [:]
    ) async -> EndpointResolver.Resolution {
        let names = names
        let resolver = EndpointResolver(overrides: overrides.compactMap(BackendAddress.init)) { names.answer($0) }
        return await resolver.resolve(services, previous: previous)
    }

    private func endpoints(_ resolution: EndpointResolver.Resolution) -> [[String]] {
        services.map { (resolution.endpoints[$0.port] ?? []).map(\.description) }
    }

    @Test func `the same addresses in another order are no change`() async {
        names.answers.withLock { $0 = ["a.default.svc": ["10.0.0.1", "10.0.0.2"], "b.default.svc": ["::1"]] }
        let first = await resolve()
        #expect(endpoints(first) == [["10.0.0.1:80", "10.0.0.2:80"], ["[::1]:8081"]])
        #expect(first.usesNames && first.failures.isEmpty)
        names.answers.withLock { $0["a.default.svc"] = ["10.0.0.2", "10.0.0.1"] }
        #expect(await resolve(previous: first.addresses).endpoints == first.endpoints)
        names.answers.withLock { $0["a.default.svc"] = ["10.0.0.2", "10.0.0.3"] }
        #expect(await endpoints(resolve(previous: first.addresses))[0] == ["10.0.0.2:80", "10.0.0.3:80"])
    }

    @Test func `a name that is gone keeps its addresses, and others change`() async {
        names.answers.withLock { $0 = ["a.default.svc": ["10.0.0.1"], "b.default.svc": ["10.0.0.2"]] }
        let first = await resolve()
        names.answers.withLock { $0 = ["b.default.svc": ["10.0.0.3"]] }
        let second = await resolve(previous: first.addresses)
        #expect(endpoints(second) == [["10.0.0.1:80"], ["10.0.0.3:8081"]])
        #expect(second.failures == ["a.default.svc: no such name"])
        #expect(await endpoints(resolve(previous: second.addresses))[0] == ["10.0.0.1:80"])
    }

    @Test func `names and addresses can be mixed, and a port's own come before the Service's`() async {
        names.answers.withLock { $0 = ["x": ["10.0.0.1", "10.0.0.9"], "10.0.0.9": ["10.0.0.9"], "y": ["10.0.0.5"]] }
        let found = await resolve(["a=x:1,10.0.0.9:1", "b=x:2", "b:81=y:3"])
        #expect(endpoints(found) == [["10.0.0.1:1", "10.0.0.9:1"], ["10.0.0.5:3"]])
    }
}
