/// What went wrong around the system under test: it could not be built up, watched or torn down.
struct HarnessError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
