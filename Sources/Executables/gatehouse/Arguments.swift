public import ArgumentParser
public import Control
public import Logging

extension HostPort: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension BackendAddress: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension ListenAddress: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
