import Accounting
import HTTPTypes
import ServiceKit
import ServiceTestSupport
import Testing

@Test(.timeLimit(.minutes(2))) func `accounting tells its own OpenAPI document without a token`() async throws {
    try await withService(AccountingService.self) { service in
        let answer = try await service.send(.get, "/accounting/openapi.json")
        #expect(answer.status == 200)
        #expect(try await OpenAPIValidator.complaints(about: answer.text) == "")
        #expect(answer.json["openapi"]?.string?.hasPrefix("3.1") == true)
        let paths = answer.json["paths"]?.members?.map(\.name) ?? []
        #expect(paths.contains("/accounting/transactions") && paths.contains("/accounting/transactions/{id}"))
        let operations = answer.json["paths"]?["/accounting/transactions/{id}"]?.members?.map(\.name) ?? []
        #expect(Set(["get", "put", "delete"]).isSubset(of: operations))
    }
}
